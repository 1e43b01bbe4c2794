package golden

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
)

// object is a JSON object whose fields keep their order; list is an array with one item per line.
type (
	field struct {
		name  string
		value any
	}
	object []field
	list   []any
)

// array returns the fields of a value: kind, shape and numbers, complex ones interleaved.
func array(v *reference.Value) object {
	return object{{"kind", string(v.Kind)}, {"shape", v.Shape}, {"data", v}}
}

func named(name string, v *reference.Value) object {
	return append(object{{"name", name}}, array(v)...)
}

// encode writes a document. Numbers have the fewest digits that are read as the same float64.
func encode(doc any) []byte {
	var b bytes.Buffer
	write(&b, doc, "")
	b.WriteByte('\n')
	return b.Bytes()
}

func write(b *bytes.Buffer, v any, indent string) {
	deeper := indent + " "
	switch v := v.(type) {
	case object:
		b.WriteString("{\n")
		for i, f := range v {
			fmt.Fprintf(b, "%s%q: ", deeper, f.name)
			write(b, f.value, deeper)
			b.WriteString(comma(i, len(v)))
		}
		b.WriteString(indent + "}")
	case list:
		b.WriteString("[\n")
		for i, item := range v {
			b.WriteString(deeper)
			write(b, item, deeper)
			b.WriteString(comma(i, len(v)))
		}
		b.WriteString(indent + "]")
	case *reference.Value:
		rows(b, v, indent)
	default:
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // a bug of this package: it encodes only numbers and strings
		}
		b.Write(text)
	}
}

func comma(i, n int) string {
	if i < n-1 {
		return ",\n"
	}
	return "\n"
}

// rows writes the numbers of an array, with those along the last axis on one line.
func rows(b *bytes.Buffer, v *reference.Value, indent string) {
	var all []string
	for _, x := range v.Real {
		all = append(all, number(x))
	}
	for _, z := range v.Complex {
		all = append(all, number(real(z)), number(imag(z)))
	}
	for _, i := range v.Index {
		all = append(all, strconv.Itoa(int(i)))
	}
	each := len(all)
	if n := len(v.Shape); n > 1 {
		each = v.Shape[n-1]
		if v.Kind == program.Complex {
			each *= 2
		}
	}
	if each >= len(all) {
		b.WriteString("[" + strings.Join(all, ", ") + "]")
		return
	}
	b.WriteString("[\n")
	for i := 0; i < len(all); i += each {
		b.WriteString(indent + " " + strings.Join(all[i:i+each], ", ") + comma(i/each, len(all)/each))
	}
	b.WriteString(indent + "]")
}

func number(x float64) string {
	text, err := json.Marshal(x)
	if err != nil {
		panic(err) // not finite: such numbers are not allowed in a vector
	}
	return string(text)
}
