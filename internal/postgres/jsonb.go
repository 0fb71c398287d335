package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"gorm.io/gorm/schema"
)

// jsonb is a gorm serializer for jsonb columns (`gorm:"serializer:jsonb"`). Unlike gorm's own it keeps nil as NULL and
// leaves raw JSON unchanged.
type jsonb struct{}

func init() { schema.RegisterSerializer("jsonb", jsonb{}) }

// Scan decodes a column into the field.
func (jsonb) Scan(ctx context.Context, field *schema.Field, dst reflect.Value, db any) error {
	v := reflect.New(field.FieldType)
	var raw []byte
	switch db := db.(type) {
	case nil:
	case []byte:
		raw = db // decoders do not keep it
	case string:
		raw = []byte(db)
	default:
		return fmt.Errorf("postgres: jsonb column %s holds %T", field.DBName, db)
	}
	if raw != nil {
		if err := unmarshal(raw, v.Interface()); err != nil {
			return fmt.Errorf("postgres: jsonb column %s: %w", field.DBName, err)
		}
	}
	field.ReflectValueOf(ctx, dst).Set(v.Elem())
	return nil
}

// unmarshal is json.Unmarshal without its validation pass if the type decodes itself: a jsonb column's content is valid.
func unmarshal(raw []byte, into any) error {
	if u, ok := into.(json.Unmarshaler); ok {
		return u.UnmarshalJSON(raw)
	}
	return json.Unmarshal(raw, into)
}

// Value encodes the field, nil as NULL.
func (jsonb) Value(_ context.Context, field *schema.Field, _ reflect.Value, v any) (any, error) {
	rv := reflect.ValueOf(v)
	if !rv.IsValid() || (rv.Kind() == reflect.Slice || rv.Kind() == reflect.Map || rv.Kind() == reflect.Pointer) && rv.IsNil() {
		return nil, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("postgres: jsonb column %s: %w", field.DBName, err)
	}
	return string(b), nil
}
