package program

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// small returns a valid program that tests break in one place.
func small() *Program {
	return &Program{
		Name: "small", N: 4, Group: 2,
		Inputs: []Input{
			{Name: Counts, Type: Type{Real, Shape{-1, 2, 4, 4}}, Doc: "photons"},
			{Name: Mask, Type: Type{Real, Shape{4, 4}}},
			{Name: "rows", Type: Type{Index, Shape{-1, 2}}},
		},
		Params: []Param{
			{Name: "table", Kind: Complex, Shape: []int{3, 4, 4}, Init: Init{Kind: HeNormal}, Trainable: true},
			{Name: "fixed", Kind: Real, Shape: []int{}, Init: Init{Kind: Constant, Value: 2}},
			{Name: "scale", Kind: Real, Shape: []int{}, Init: Init{Kind: Constant, Value: 1}, Trainable: true, Group: "slow"},
		},
		Buffers: []Buffer{{Name: "mean", Kind: Real, Shape: []int{}}},
		Ops: []Op{
			{Kind: Gather, Out: "objects", In: []string{"table", "rows"}},
			{Kind: Abs2, Out: "square", In: []string{"objects"}},
			{Kind: Mul, Out: "scaled", In: []string{"square", "scale"}},
			{Kind: Affine, Out: "lambda", In: []string{"scaled"}, Attrs: map[string]float64{"shift": 0.5}},
			{Kind: PoissonDeviance, Out: "deviance", In: []string{"lambda", Counts, Mask}},
		},
		Scalars: []Scalar{{Name: "deviance", Value: "deviance", Loss: true}},
		Outputs: []Output{{Name: Patches, Value: "objects"}},
	}
}

func TestTypes_OfProgram(t *testing.T) {
	types, err := small().Types()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"objects": "complex [B, 2, 4, 4]", "lambda": "real [B, 2, 4, 4]", "deviance": "real [B, 2]", "table": "complex [3, 4, 4]", "mean": "real []",
	} {
		if got := types[name].String(); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

// TestTypes_ErrorsNameTheFault checks that every error names the operation by its index and the value, parameter or
// input.
func TestTypes_ErrorsNameTheFault(t *testing.T) {
	op := func(i int, f func(*Op)) func(*Program) { return func(p *Program) { f(&p.Ops[i]) } }
	for name, c := range map[string]struct {
		change func(*Program)
		op     int
		value  string
		says   string
	}{
		"an unknown operation":      {op(1, func(o *Op) { o.Kind = "cube" }), 1, "square", "cube: unknown operation"},
		"a value that is not made":  {op(2, func(o *Op) { o.In[0] = "nowhere" }), 2, "scaled", "reads nowhere, which is not defined before it"},
		"a value made later":        {op(1, func(o *Op) { o.In[0] = "lambda" }), 1, "square", "is not defined before it"},
		"a name taken":              {op(2, func(o *Op) { o.Out = "square" }), 2, "square", "is defined twice"},
		"a name of an input":        {op(2, func(o *Op) { o.Out = Counts }), 2, Counts, "is defined twice"},
		"no name":                   {op(2, func(o *Op) { o.Out = "" }), 2, "", "the name is empty"},
		"too few operands":          {op(4, func(o *Op) { o.In = o.In[:2] }), 4, "deviance", "reads 2 values, want 3"},
		"no operands":               {op(1, func(o *Op) { o.In = nil }), 1, "square", "reads 0 values"},
		"a wrong kind":              {op(1, func(o *Op) { o.In[0] = Counts }), 1, "square", "is real [B, 2, 4, 4], want complex"},
		"shapes that do not fit":    {op(4, func(o *Op) { o.In[1] = Mask }), 4, "deviance", "counts are real [4, 4]"},
		"an unknown attribute":      {op(3, func(o *Op) { o.Attrs["bias"] = 1 }), 3, "lambda", "unknown attribute bias"},
		"an attribute that is NaN":  {op(3, func(o *Op) { o.Attrs["shift"] = nan() }), 3, "lambda", "attribute shift is NaN"},
		"a shape without a reshape": {op(1, func(o *Op) { o.Shape = Shape{2} }), 1, "square", "only reshape has a shape"},
		"an unknown input kind":     {func(p *Program) { p.Inputs[0].Type.Kind = "text" }, -1, Counts, `unknown kind "text"`},
		"a zero extent":             {func(p *Program) { p.Inputs[0].Type.Shape[2] = 0 }, -1, Counts, "extents must be positive"},
		"a batch axis inside":       {func(p *Program) { p.Inputs[0].Type.Shape[2] = -1 }, -1, Counts, "only the first axis may be per group"},
		"too many axes":             {func(p *Program) { p.Inputs[1].Type.Shape = make(Shape, 9) }, -1, Mask, "rank 9, at most 8"},
		"a parameter of an index":   {func(p *Program) { p.Params[0].Kind = Index }, -1, "table", `unknown kind "index"`},
		"a parameter of nothing":    {func(p *Program) { p.Params[0].Shape = []int{0, 4, 4} }, -1, "table", "extent below 1"},
		"an unknown initialisation": {func(p *Program) { p.Params[1].Init.Kind = "magic" }, -1, "fixed", `unknown initialisation "magic"`},
		"a buffer below 1":          {func(p *Program) { p.Buffers[0].Shape = []int{-1} }, -1, "mean", "extent below 1"},
		"a scalar of images":        {func(p *Program) { p.Scalars[0].Value = "lambda" }, -1, "deviance", "want real [B, 2]"},
		"a scalar of nothing":       {func(p *Program) { p.Scalars[0].Value = "nowhere" }, -1, "deviance", "reads nowhere"},
		"an output of nothing":      {func(p *Program) { p.Outputs[0].Value = "nowhere" }, -1, Patches, "is not defined"},
		"no patterns":               {func(p *Program) { p.Group = 0 }, -1, "geometry", "group of 0"},
		"too many operations":       {func(p *Program) { p.Ops = make([]Op, maxOps+1) }, -1, "operations", "at most"},
	} {
		p := small()
		c.change(p)
		_, err := p.Types()
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v, want an *Error", name, err)
			continue
		}
		if e.Op != c.op || e.Name != c.value || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "program small: ") {
			t.Errorf("%s: operation %d, value %q: %v; want operation %d, value %q and %q", name, e.Op, e.Name, err, c.op, c.value, c.says)
		}
	}
}

// TestOperations_RejectInvalidOperands passes operands to single operations that must reject them.
//
// Long: one table of cases.
func TestOperations_RejectInvalidOperands(t *testing.T) {
	real := func(s ...Dim) Type { return Type{Real, s} }
	complex := func(s ...Dim) Type { return Type{Complex, s} }
	index := func(s ...Dim) Type { return Type{Index, s} }
	attr := func(k OpKind, name string, v float64) Op { return Op{Kind: k, Attrs: map[string]float64{name: v}} }
	for name, c := range map[string]struct {
		op Op
		in []Type
	}{
		"relu of complex":                  {Op{Kind: ReLU}, []Type{complex(-1, 3)}},
		"real plus complex":                {Op{Kind: Add}, []Type{real(-1, 3), complex(3)}},
		"a longer second operand":          {Op{Kind: Add}, []Type{real(3), real(-1, 3)}},
		"an operand of the first axes":     {Op{Kind: Mul}, []Type{real(-1, 3, 4), real(-1, 3)}},
		"a complex quotient":               {Op{Kind: Div}, []Type{complex(-1, 3), real(3)}},
		"a sum of indices":                 {Op{Kind: Add}, []Type{index(-1), index(-1)}},
		"reshape to fewer":                 {Op{Kind: Reshape, Shape: Shape{-1, 2}}, []Type{real(-1, 3)}},
		"reshape that loses the batch":     {Op{Kind: Reshape, Shape: Shape{3}}, []Type{real(-1, 3)}},
		"reshape to a bad shape":           {Op{Kind: Reshape, Shape: Shape{3, -1}}, []Type{real(-1, 3)}},
		"concat of other sizes":            {Op{Kind: Concat}, []Type{real(-1, 1, 4, 4), real(-1, 1, 4, 5)}},
		"concat of other batches":          {Op{Kind: Concat}, []Type{real(-1, 1, 4, 4), real(-2, 1, 4, 4)}},
		"a slice past the end":             {Op{Kind: SliceChannels, Attrs: map[string]float64{"from": 1, "to": 4}}, []Type{real(-1, 3, 4, 4)}},
		"an empty slice":                   {Op{Kind: SliceChannels, Attrs: map[string]float64{"from": 2, "to": 2}}, []Type{real(-1, 3, 4, 4)}},
		"half a pixel of padding":          {attr(Pad, "amount", 0.5), []Type{real(-1, 4, 4)}},
		"a crop of everything":             {attr(Crop, "amount", 2), []Type{real(-1, 4, 5)}},
		"a mask of one axis":               {Op{Kind: MaskCenter}, []Type{real(-1)}},
		"an even kernel":                   {Op{Kind: Conv2D}, []Type{real(-1, 2, 4, 4), real(3, 2, 2, 2), real(3)}},
		"a kernel that is not square":      {Op{Kind: Conv2D}, []Type{real(-1, 2, 4, 4), real(3, 2, 3, 1), real(3)}},
		"a kernel for other channels":      {Op{Kind: Conv2D}, []Type{real(-1, 2, 4, 4), real(3, 1, 3, 3), real(3)}},
		"a bias for other channels":        {Op{Kind: Conv2D}, []Type{real(-1, 2, 4, 4), real(3, 2, 3, 3), real(2)}},
		"a pool of odd sides":              {Op{Kind: MaxPool2}, []Type{real(-1, 2, 4, 5)}},
		"a dense layer of images":          {Op{Kind: Dense}, []Type{real(-1, 2, 4, 4), real(3, 2), real(3)}},
		"a dense layer of complex weights": {Op{Kind: Dense}, []Type{real(-1, 2), complex(3, 2), real(3)}},
		"factors for other planes":         {Op{Kind: ScalePlanes}, []Type{real(-1, 2, 4, 4), real(-1, 3)}},
		"a pair of unlike parts":           {Op{Kind: Polar}, []Type{real(-1, 3), real(-1, 4)}},
		"a transform of reals":             {Op{Kind: FFT2}, []Type{real(-1, 4, 4)}},
		"a transform of numbers":           {Op{Kind: FFT2}, []Type{complex(-1)}},
		"a probe of another size":          {Op{Kind: Illuminate}, []Type{complex(-1, 2, 4, 4), complex(1, 4, 5)}},
		"probes for other members":         {Op{Kind: Illuminate}, []Type{complex(-1, 2, 4, 4), complex(-1, 3, 1, 4, 4)}},
		"an intensity without modes":       {Op{Kind: Intensity}, []Type{complex(-1, 2, 4, 4)}},
		"offsets of other members":         {Op{Kind: Translate}, []Type{real(-1, 2, 4, 4), real(-1, 3, 2)}},
		"offsets of three coordinates":     {Op{Kind: MergePairwise}, []Type{complex(-1, 2, 4, 4), real(-1, 2, 3), real(4, 4)}},
		"a weight only per member":         {Op{Kind: MergePairwise}, []Type{complex(-1, 2, 4, 4), real(-1, 2, 2), real(2, 4, 4)}},
		"a shift by half the offset":       {attr(Translate, "sign", 0.5), []Type{real(-1, 2, 4, 4), real(-1, 2, 2)}},
		"a canvas below the patch":         {attr(Assemble, "canvas", 2), []Type{complex(-1, 2, 4, 4), real(-1, 2, 2), real(4, 4)}},
		"an odd canvas":                    {attr(Assemble, "canvas", 7), []Type{complex(-1, 2, 4, 4), real(-1, 2, 2), real(4, 4)}},
		"a patch above the canvas":         {attr(Extract, "n", 9), []Type{complex(-1, 8, 8), real(-1, 2, 2)}},
		"a weight of a real probe":         {Op{Kind: MergeWeight}, []Type{real(1, 4, 4)}},
		"counts of another size":           {Op{Kind: BackProject}, []Type{real(-1, 2, 4, 4), complex(1, 5, 5)}},
		"rows that are numbers":            {Op{Kind: Gather}, []Type{real(3, 4), real(-1, 2)}},
		"a table that is a batch":          {Op{Kind: Gather}, []Type{real(-1, 4), index(-1, 2)}},
		"a mask of another size":           {Op{Kind: PoissonNLL}, []Type{real(-1, 2, 4, 4), real(-1, 2, 4, 4), real(4, 5)}},
		"a mask of one row":                {Op{Kind: ExpectedDeviance}, []Type{real(-1, 2, 4, 4), real(4)}},
		"a mean of complex numbers":        {Op{Kind: MeanPixels}, []Type{complex(-1, 2, 4, 4)}},
	} {
		types := map[string]Type{}
		for i, in := range c.in {
			v := string(rune('a' + i))
			types[v] = in
			c.op.In = append(c.op.In, v)
		}
		if got, err := c.op.infer(types); err == nil {
			t.Errorf("%s: %s was accepted with the result %v", name, c.op.Kind, got)
		}
	}
}

func TestNeeded_ListsOnlyDependencies(t *testing.T) {
	p := small()
	for _, c := range []struct {
		values []string
		want   []int
	}{
		{[]string{"square"}, []int{0, 1}},
		{[]string{"deviance"}, []int{0, 1, 2, 3, 4}},
		{[]string{"objects", "square"}, []int{0, 1}},
		{[]string{Counts}, nil},
	} {
		if got := p.Needed(c.values...); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v needs %v, want %v", c.values, got, c.want)
		}
	}
}

func TestParameters_CountsTrainable(t *testing.T) {
	if got := small().Parameters(); got != 2*48+1 {
		t.Errorf("%d parameters, want 97: a complex one counts twice, a fixed one is not counted", got)
	}
}
