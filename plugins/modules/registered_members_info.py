DOCUMENTATION = "module: registered_members_info\nshort_description: x\noptions: {}\n"
