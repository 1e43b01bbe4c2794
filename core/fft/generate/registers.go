package main

import "fmt"

// code is straight-line vector code over any number of values; emit lays them into registers. A value is set once.
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

// allocator holds which register has which value; where they run out, the value needed latest goes to the stack.
type allocator struct {
	out    *text
	isa    isa
	uses   [][]int // positions of the uses of every value, in order
	in     map[value]int
	holder []value // of every register, −1 when free
	slot   map[value]int
	slots  int
}

// emit writes the code and gives the bytes of stack it needs.
func (c *code) emit(out *text, i isa) int {
	a := &allocator{out: out, isa: i, uses: make([][]int, len(c.ops)), in: map[value]int{}, slot: map[value]int{}}
	for range i.registers {
		a.holder = append(a.holder, -1)
	}
	for at, o := range c.ops {
		for _, v := range o.from {
			a.uses[v] = append(a.uses[v], at)
		}
	}
	for at, o := range c.ops {
		a.instruction(at, o)
	}
	return a.slots * i.bytes()
}

func (a *allocator) instruction(at int, o op) {
	regs := make([]int, len(o.from))
	for k, v := range o.from {
		regs[k] = a.fetch(v, at, o.from)
	}
	dies := func(k int) bool { return a.next(o.from[k], at) < 0 }
	for k, v := range o.from {
		if dies(k) {
			if r, ok := a.in[v]; ok {
				a.holder[r] = -1
				delete(a.in, v)
			}
		}
	}
	r := func(k int) string { return a.isa.register(regs[k]) }
	switch o.name {
	case "store":
		a.out.ins("VMOVUPS %s, %s", r(0), o.mem)
	case "load":
		a.out.ins("VMOVUPS %s, %s", o.mem, a.isa.register(a.take(o.to, at, nil)))
	case "cast":
		a.out.ins("VBROADCASTSS %s, %s", o.mem, a.isa.register(a.take(o.to, at, nil)))
	case "add", "sub", "mul":
		mnemonic := map[string]string{"add": "VADDPS", "sub": "VSUBPS", "mul": "VMULPS"}[o.name]
		x, y := r(0), r(1)
		a.out.ins("%s %s, %s, %s", mnemonic, y, x, a.isa.register(a.take(o.to, at, o.from)))
	default:
		mnemonic := map[string]string{"fma": "VFMADD", "fms": "VFMSUB", "fnma": "VFNMADD"}[o.name]
		x, y, z := r(0), r(1), r(2)
		switch {
		case dies(2):
			a.give(o.to, regs[2])
			a.out.ins("%s231PS %s, %s, %s", mnemonic, y, x, z)
		case dies(0):
			a.give(o.to, regs[0])
			a.out.ins("%s213PS %s, %s, %s", mnemonic, z, y, x)
		case dies(1):
			a.give(o.to, regs[1])
			a.out.ins("%s213PS %s, %s, %s", mnemonic, z, x, y)
		default:
			to := a.isa.register(a.take(o.to, at, o.from))
			a.out.ins("VMOVAPS %s, %s", z, to)
			a.out.ins("%s231PS %s, %s, %s", mnemonic, y, x, to)
		}
	}
}

// next is the position of the first use of v after at, −1 when there is none.
func (a *allocator) next(v value, at int) int {
	for _, u := range a.uses[v] {
		if u > at {
			return u
		}
	}
	return -1
}

// fetch gives the register of v, from the stack where it must.
func (a *allocator) fetch(v value, at int, keep []value) int {
	if r, ok := a.in[v]; ok {
		return r
	}
	slot, ok := a.slot[v]
	if !ok {
		panic(fmt.Sprintf("value %d is used before it is set", v))
	}
	r := a.take(v, at, keep)
	a.out.ins("VMOVUPS %s, %s", a.isa.stack(slot), a.isa.register(r))
	return r
}

// take gives v a register; values of keep stay where they are.
func (a *allocator) take(v value, at int, keep []value) int {
	best, latest := -1, -1
	for r, h := range a.holder {
		if h < 0 {
			a.give(v, r)
			return r
		}
		needed := a.next(h, at-1)
		for _, k := range keep {
			if k == h {
				needed = -2
			}
		}
		if needed > latest {
			best, latest = r, needed
		}
	}
	out := a.holder[best]
	if _, saved := a.slot[out]; !saved {
		a.slot[out] = a.slots
		a.slots++
		a.out.ins("VMOVUPS %s, %s", a.isa.register(best), a.isa.stack(a.slot[out]))
	}
	delete(a.in, out)
	a.give(v, best)
	return best
}

func (a *allocator) give(v value, r int) {
	a.holder[r] = v
	a.in[v] = r
}
