#!/bin/sh
# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# Prints, a line each: the lab's directory without a tilde; who keeps services running, "system",
# "user" or "process"; the directory of its units; where a user's manager listens, which a login
# without PAM does not say; what stands in the directory, "lab", "nothing", "home" or "other"; the
# first unit of the lab's name that runs another lab; what the last run started.
# In: LAB, the directory as it was given; NAME, the lab's; SERVICE, auto or process.
set -u
: "${XDG_RUNTIME_DIR:=/run/user/$(id -u)}"
export XDG_RUNTIME_DIR
case $LAB in
"~" | "~/"*) LAB=$HOME${LAB#"~"} ;;
esac
while [ "$LAB" != "${LAB%/}" ]; do LAB=${LAB%/}; done
LAB=${LAB:-/}

# A user's manager ends with the user's last login unless it may linger.
lingers() {
    [ -e "/var/lib/systemd/linger/$(id -un)" ] || loginctl enable-linger
}

real() { (cd "$1" 2>/dev/null && pwd -P); }

# What the role made has a mark. A home and what holds it are nobody's lab, whatever stands in them.
stands() {
    place=$(real "$LAB") || {
        [ -e "$LAB" ] && echo other || echo nothing
        return
    }
    home=$(real "$HOME")
    case ${home:-/}/ in
    "${place%/}"/*) echo home ;;
    *)
        if [ -f "$LAB/.groupvpn-lab" ]; then
            echo lab
        elif [ -z "$(find "$LAB/." ! -name . -prune -print | head -n 1)" ]; then
            echo nothing
        else
            echo other
        fi
        ;;
    esac
}

# As the template of a unit writes a path.
quoted=$(printf %s "$LAB/lab.yml" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/%/%%/g' -e 's/\$/$$/g')
foreign() {
    for unit in "$units/$NAME-serve.service" "$units/$NAME-members.service"; do
        if [ -e "$unit" ] && ! grep -qF -- " \"$quoted\"" "$unit"; then
            echo "$unit"
            return
        fi
    done
    echo
}

manager=process
if [ "$SERVICE" = auto ] && [ -d /run/systemd/system ]; then
    if [ "$(id -u)" = 0 ] && systemctl show-environment; then
        manager=system
    elif systemctl --user show-environment && lingers; then
        manager=user
    fi
fi >/dev/null 2>&1
case $manager in
system) units=/etc/systemd/system ;;
*) units=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user ;;
esac
printf '%s\n' "$LAB" "$manager" "$units" "$XDG_RUNTIME_DIR" "$(stands)" "$(foreign)"
cat "$LAB/.groupvpn-lab" 2>/dev/null || echo -
