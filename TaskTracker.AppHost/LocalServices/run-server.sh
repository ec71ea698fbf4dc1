#!/bin/sh
# Runs a server: run-server.sh PROGRAM ARGUMENTS...
# TERM would make Postgres wait for every client; it is passed on as INT, which ends it at once and cleanly. Where stdin is a pipe, its
# end means that whoever started this is gone, and the server must go too.

# Repeated, because a server that has just been forked still ignores INT.
stop() {
    while kill -INT "$server" 2>/dev/null; do sleep 1; done
}

server= stopping=
trap 'stopping=yes; [ -z "$server" ] || stop >/dev/null 2>&1 &' TERM INT HUP

exec 3<&0
"$@" 3<&- </dev/null &
server=$!
[ -z "$stopping" ] || stop >/dev/null 2>&1 &

if [ -p /dev/stdin ]; then
    (read -r _ <&3; stop) >/dev/null 2>&1 &
    watcher=$!
fi

# A signal ends 'wait' before the server has ended.
wait "$server"
code=$?
while kill -0 "$server" 2>/dev/null; do
    wait "$server"
    code=$?
done

[ -z "${watcher:-}" ] || kill "$watcher" 2>/dev/null
exit "$code"
