-- Two roles beside the superuser: one owns the schema and migrates it, the other serves. The second can read and write rows,
-- and neither create, change nor drop what holds them. \getenv takes the passwords, so that they stand on no command line.
\set ON_ERROR_STOP on
\getenv owner_password OWNER_PASSWORD
\getenv service_password SERVICE_PASSWORD
CREATE ROLE openlearn_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE openlearn LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'service_password';
ALTER DATABASE :"DBNAME" OWNER TO openlearn_owner;
ALTER SCHEMA public OWNER TO openlearn_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"DBNAME" TO openlearn;
GRANT USAGE ON SCHEMA public TO openlearn;
-- What later migrations make, too.
ALTER DEFAULT PRIVILEGES FOR ROLE openlearn_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO openlearn;
ALTER DEFAULT PRIVILEGES FOR ROLE openlearn_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO openlearn;
