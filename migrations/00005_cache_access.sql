-- +goose Up

-- What readers asked for, by hour: from this the service knows at start what is popular, and forecasts what will be asked for
-- (internal/warming). The instances' counts add up. Only the most asked of an hour are kept, for two weeks.
CREATE TABLE cache_access (
    layer text NOT NULL,
    hour  timestamptz NOT NULL,
    key   text NOT NULL,
    n     bigint NOT NULL CHECK (n > 0),
    PRIMARY KEY (layer, hour, key)
);

-- +goose Down
DROP TABLE cache_access;
