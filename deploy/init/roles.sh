#!/bin/sh
# The image runs this when it has initialised its data.
set -eu
OWNER_PASSWORD=$(cat /run/openlearn/owner) SERVICE_PASSWORD=$(cat /run/openlearn/service) \
	psql --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname openlearn --file /init/roles.sql
