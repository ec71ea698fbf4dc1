#!/bin/sh
# Dumps the database for ever, one dump each BACKUP_EVERY_SECONDS, and keeps the newest BACKUP_KEEP of them.
# 'backup.sh check' says by its exit code whether the newest is young enough; 'backup.sh once' makes one.
set -eu
folder=${BACKUP_FOLDER:-/backups}

newest() { find "$folder" -name 'tasktracker-*.dump' | sort | tail -n 1; }

dump() {
    file="$folder/tasktracker-$(date -u +%Y%m%dT%H%M%SZ).dump"
    # Under its name only when it is whole.
    pg_dump --format=custom --no-owner --file="$file.partial"
    mv "$file.partial" "$file"
    echo "wrote $file"
    find "$folder" -name 'tasktracker-*.dump' | sort -r | tail -n "+$((BACKUP_KEEP + 1))" | while read -r old; do rm "$old"; done
}

case "${1:-loop}" in
check)
    file=$(newest)
    [ -n "$file" ] && [ $(($(date +%s) - $(stat -c %Y "$file"))) -lt $((2 * BACKUP_EVERY_SECONDS + 3600)) ]
    ;;
once)
    dump
    ;;
loop)
    umask 077
    trap 'exit 0' TERM INT
    while :; do
        rm -f "$folder"/*.partial
        dump || echo "the dump failed; the next try is in an hour" >&2
        file=$(newest)
        pause=3600
        if [ -n "$file" ]; then
            age=$(($(date +%s) - $(stat -c %Y "$file")))
            [ "$age" -ge "$BACKUP_EVERY_SECONDS" ] || pause=$((BACKUP_EVERY_SECONDS - age))
        fi
        sleep "$pause" &
        wait $!
    done
    ;;
*)
    echo "use: backup.sh [loop|once|check]" >&2
    exit 2
    ;;
esac
