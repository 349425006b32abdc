#!/bin/sh
# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# process.sh start|stop: COMMAND of the lab in LAB as a background process. Prints what was done:
# "started", "running", "stopped" or nothing. In: LAB, COMMAND; to start, PYTHON and MODULE.
set -u
file=$LAB/$COMMAND.pid
log=$LAB/$COMMAND.log

command_line() {
    if [ -r "/proc/$1/cmdline" ]; then
        tr '\0' ' ' <"/proc/$1/cmdline"
    else
        ps -ww -o args= -p "$1" 2>/dev/null
    fi
}

# The number in the file may have gone to somebody else's process since it was written: it is ours
# only while a process of that number runs our command with our lab.
ours() {
    pid=$(cat "$file" 2>/dev/null) || return 1
    case $pid in
    "" | *[!0-9]*) return 1 ;;
    esac
    command_line "$pid" | grep -qF -- " $COMMAND $LAB/lab.yml"
}

# Whether something becomes true within about 30 seconds.
within_time() {
    n=0
    until "$@"; do
        n=$((n + 1))
        [ "$n" -lt 300 ] || return 1
        sleep 0.1
    done
}

# Until a process just started has become our command it is a copy of this shell, and not "ours" yet.
ready_or_ended() { grep -q '^ready:' "$log" || ! kill -0 "$pid" 2>/dev/null; }

gone() { ! ours; }

start() {
    did=running
    if ! ours; then
        # Emptied here, not by the process: until that has begun, the log would say "ready" of an older one.
        : >"$log"
        nohup "$PYTHON" -m "$MODULE" "$COMMAND" "$LAB/lab.yml" </dev/null >>"$log" 2>&1 &
        pid=$!
        echo "$pid" >"$file"
        did=started
    fi
    # Also of one that runs already: who started it may have been ended before it was ready.
    if within_time ready_or_ended && ours; then
        echo "$did"
        return
    fi
    echo "$COMMAND did not become ready; $log says:" >&2
    tail -n 20 "$log" >&2
    exit 1
}

stop() {
    if ours; then
        # It may end by itself just then.
        kill "$pid" || gone || exit 1
        within_time gone || { kill -9 "$pid"; within_time gone; } || exit 1
        echo stopped
    fi
    rm -f "$file"
}

"$1"
