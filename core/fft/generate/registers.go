package main

import "fmt"

// code is straight-line vector code over any number of values; emit assigns them to registers. A value is set once.
type code struct {
	ops []op
}

type value int

// op is one instruction. Its operands are in the order of the formula in its comment.
type op struct {
	name string // load, cast, store, add a+b, sub a−b, mul a·b, fma a·b+c, fms a·b−c, fnma −a·b+c
	to   value
	from []value
	mem  string
}

func (c *code) make(name, mem string, from ...value) value {
	c.ops = append(c.ops, op{name, value(len(c.ops)), from, mem})
	return value(len(c.ops) - 1)
}

func (c *code) load(mem string) value         { return c.make("load", mem) }
func (c *code) cast(mem string) value         { return c.make("cast", mem) }
func (c *code) add(x, y value) value          { return c.make("add", "", x, y) }
func (c *code) sub(x, y value) value          { return c.make("sub", "", x, y) }
func (c *code) mul(x, y value) value          { return c.make("mul", "", x, y) }
func (c *code) fma(x, y, z value) value       { return c.make("fma", "", x, y, z) }
func (c *code) fms(x, y, z value) value       { return c.make("fms", "", x, y, z) }
func (c *code) fnma(x, y, z value) value      { return c.make("fnma", "", x, y, z) }
func (c *code) store(x value, mem string)     { c.make("store", mem, x) }
func (c *code) pair(re, im string) [2]value   { return [2]value{c.load(re), c.load(im)} }
func (c *code) plus(x, y [2]value) [2]value   { return [2]value{c.add(x[0], y[0]), c.add(x[1], y[1])} }
func (c *code) minus(x, y [2]value) [2]value  { return [2]value{c.sub(x[0], y[0]), c.sub(x[1], y[1])} }
func (c *code) put(x [2]value, re, im string) { c.store(x[0], re); c.store(x[1], im) }

// rotate multiplies x by the twiddle at the two addresses.
func (c *code) rotate(x [2]value, re, im string) [2]value {
	w := [2]value{c.cast(re), c.cast(im)}
	cross, square := c.mul(x[0], w[1]), c.mul(x[1], w[1])
	return [2]value{c.fms(x[0], w[0], square), c.fma(x[1], w[0], cross)}
}

// allocator tracks the value in each register. The butterflies are written in an order that needs no more registers
// than exist.
type allocator struct {
	out    *text
	isa    isa
	last   []int // position of the last use of every value
	in     map[value]int
	holder []value // of every register; −1: free
}

// emit writes the code.
func (c *code) emit(out *text, i isa) {
	a := &allocator{out: out, isa: i, last: make([]int, len(c.ops)), in: map[value]int{}}
	for range i.registers {
		a.holder = append(a.holder, -1)
	}
	for at, o := range c.ops {
		for _, v := range o.from {
			a.last[v] = at
		}
	}
	for at, o := range c.ops {
		a.instruction(at, o)
	}
}

func (a *allocator) instruction(at int, o op) {
	regs := make([]string, len(o.from))
	lastUse := make([]bool, len(o.from))
	for k, v := range o.from {
		regs[k], lastUse[k] = a.isa.register(a.in[v]), a.last[v] == at
	}
	for k, v := range o.from {
		if lastUse[k] {
			a.holder[a.in[v]] = -1
		}
	}
	switch o.name {
	case "store":
		a.out.ins("VMOVUPS %s, %s", regs[0], o.mem)
	case "load":
		a.out.ins("VMOVUPS %s, %s", o.mem, a.take(o.to))
	case "cast":
		a.out.ins("VBROADCASTSS %s, %s", o.mem, a.take(o.to))
	case "add", "sub", "mul":
		mnemonic := map[string]string{"add": "VADDPS", "sub": "VSUBPS", "mul": "VMULPS"}[o.name]
		a.out.ins("%s %s, %s, %s", mnemonic, regs[1], regs[0], a.take(o.to))
	default: // these overwrite an operand
		mnemonic := map[string]string{"fma": "VFMADD", "fms": "VFMSUB", "fnma": "VFNMADD"}[o.name]
		x, y, z := regs[0], regs[1], regs[2]
		switch {
		case lastUse[2]:
			a.give(o.to, a.in[o.from[2]])
			a.out.ins("%s231PS %s, %s, %s", mnemonic, y, x, z)
		case lastUse[0]:
			a.give(o.to, a.in[o.from[0]])
			a.out.ins("%s213PS %s, %s, %s", mnemonic, z, y, x)
		case lastUse[1]:
			a.give(o.to, a.in[o.from[1]])
			a.out.ins("%s213PS %s, %s, %s", mnemonic, z, x, y)
		default:
			to := a.take(o.to)
			a.out.ins("VMOVAPS %s, %s", z, to)
			a.out.ins("%s231PS %s, %s, %s", mnemonic, y, x, to)
		}
	}
}

// take assigns a free register to v.
func (a *allocator) take(v value) string {
	for r, h := range a.holder {
		if h < 0 {
			a.give(v, r)
			return a.isa.register(r)
		}
	}
	panic(fmt.Sprintf("value %d: all %d registers are in use", v, a.isa.registers))
}

func (a *allocator) give(v value, r int) {
	a.holder[r] = v
	a.in[v] = r
}
