-- +goose Up

-- Whoever changes a password ends what the old one opened, in psql too. The service ends sessions by itself, where it does not keep
-- the one in which the password was changed, or has only hashed the same password anew: there it says so.
-- +goose StatementBegin
CREATE FUNCTION end_what_the_password_opened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('openlearn.keeps_sessions', true), '') <> 'on' THEN
        UPDATE user_sessions SET ended_at = now(), end_reason = 'password changed' WHERE user_id = NEW.id AND ended_at IS NULL;
        DELETE FROM mail_tokens WHERE user_id = NEW.id AND purpose = 'reset';
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER users_password AFTER UPDATE OF password_hash ON users
    FOR EACH ROW WHEN (OLD.password_hash IS DISTINCT FROM NEW.password_hash) EXECUTE FUNCTION end_what_the_password_opened();

-- +goose Down
DROP TRIGGER users_password ON users;
DROP FUNCTION end_what_the_password_opened();
