-- +goose Up

-- The division of the country, DIVIPOLA of DANE: departments (two digits) and municipalities (five). The service puts in the rows that
-- ship with it, and brings what changes later. They are not part of the schema: a backup's rows can be restored into it.
CREATE TABLE divipola_places (
    code       text PRIMARY KEY CHECK (code ~ '^[0-9]{2}([0-9]{3})?$'),
    name       text NOT NULL,
    department text NOT NULL, -- its code
    kind       text NOT NULL, -- Departamento, or as DANE names it
    latitude   numeric(9, 6),
    longitude  numeric(9, 6),
    synced_at  timestamptz    -- when DANE's table last had it; NULL: not asked yet
);
CREATE INDEX divipola_department ON divipola_places (department, code);
SELECT record_changes_of('divipola_places', 'code');

-- The exchange rate, by the days for which a rate is valid, both included.
CREATE TABLE exchange_rates (
    valid_from date PRIMARY KEY,
    valid_to   date NOT NULL,
    value      numeric(12, 4) NOT NULL, -- pesos for a dollar
    synced_at  timestamptz NOT NULL DEFAULT now()
);
SELECT record_changes_of('exchange_rates', 'valid_from');

-- +goose Down
DROP TABLE exchange_rates;
DROP TABLE divipola_places;
