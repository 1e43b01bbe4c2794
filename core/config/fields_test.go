package config

import (
	"reflect"
	"testing"
)

// TestTable_HasARowForEachField finds fields of the sections without a row, which nothing could set, and fields with two.
func TestTable_HasARowForEachField(t *testing.T) {
	var all sections
	rows := map[any]string{}
	for _, s := range table {
		p := s.field(&all)
		if rows[p] != "" {
			t.Errorf("%s and %s set the same field", rows[p], s.Key())
		}
		rows[p] = s.Key()
	}
	fieldsOf(reflect.ValueOf(&all).Elem(), func(name string, pointer any) {
		if rows[pointer] == "" {
			t.Errorf("the field %s has no row", name)
		}
		delete(rows, pointer)
	})
	for _, key := range rows {
		t.Errorf("%s sets no field of a section", key)
	}
}

// fieldsOf calls each with a pointer to every field of a structure, and of the structures in it.
func fieldsOf(v reflect.Value, each func(name string, pointer any)) {
	for i := range v.NumField() {
		field := v.Field(i)
		if field.Kind() == reflect.Struct {
			fieldsOf(field, each)
			continue
		}
		each(v.Type().String()+"."+v.Type().Field(i).Name, reflect.NewAt(field.Type(), field.Addr().UnsafePointer()).Interface())
	}
}
