#!/bin/sh
# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# Prints, a line each: the lab's directory without a tilde; who keeps services running, "system",
# "user" or "process"; the directory of its units; where a user's manager listens, which a login
# without PAM does not say.
# In: LAB, the directory as it was given; SERVICE, auto or process.
set -u
: "${XDG_RUNTIME_DIR:=/run/user/$(id -u)}"
export XDG_RUNTIME_DIR
case $LAB in
"~" | "~/"*) LAB=$HOME${LAB#"~"} ;;
esac

# A user's manager ends with the user's last login unless it may linger.
lingers() {
    [ -e "/var/lib/systemd/linger/$(id -un)" ] || loginctl enable-linger
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
printf '%s\n' "$LAB" "$manager" "$units" "$XDG_RUNTIME_DIR"
