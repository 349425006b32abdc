DOCUMENTATION = "module: server_member_communication\nshort_description: x\noptions: {}\n"
