#!/bin/sh
# Makes the passwords of a new installation, once: what is there already stays. Each service sees its own directory alone,
# a volume that nothing else mounts, so the files in it are readable by whatever user the service runs as.
set -eu
umask 022

new() { # 192 bits
	head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'
}

put() { # whole or not at all
	printf '%s\n' "$2" > "$1.new"
	mv "$1.new" "$1"
}

app=/secrets/app migrate=/secrets/migrate postgres=/secrets/postgres redis=/secrets/redis
[ ! -e "$app/complete" ] || exit 0

owner=$(new) service=$(new) cache=$(new)
put "$postgres/superuser" "$(new)"
put "$postgres/owner" "$owner"
put "$postgres/service" "$service"
put "$migrate/database_url" "postgres://openlearn_owner:$owner@postgres:5432/openlearn?sslmode=disable"
put "$app/database_url" "postgres://openlearn:$service@postgres:5432/openlearn?sslmode=disable"
put "$app/redis_password" "$cache"
put "$app/admin_api_key" "$(new)"
hash=$(printf '%s' "$cache" | sha256sum | cut -d' ' -f1)
sed "s/PASSWORD_SHA256/$hash/" /init/users.acl > "$redis/users.acl.new"
mv "$redis/users.acl.new" "$redis/users.acl"
put "$app/complete" "made $(date -u +%Y-%m-%d)"
echo "passwords made"
