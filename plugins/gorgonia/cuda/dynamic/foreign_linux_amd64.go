//go:build !cgo

package dynamic

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// A static program cannot call dlopen: the dynamic linker and the C library need a process, or at least a thread, that they set up
// themselves. So start maps the system's dynamic linker, builds an empty program in memory that needs the C library and its dlopen,
// dlsym and dlerror, and starts a thread in the linker as the kernel would: with arguments, environment and auxiliary vector on a
// stack of its own. The linker sets up the thread, loads the C library, and jumps to the entry of the program, serve, which waits
// for calls. That thread alone runs foreign code. It blocks all signals, because their handlers are Go's.

// linker is the path of the dynamic linker that every amd64 system with glibc has.
const linker = "/lib64/ld-linux-x86-64.so.2"

// box is how a call reaches the thread, and its result the caller. serve knows the layout.
type box struct {
	state    uint32 // one of the states
	_        uint32
	function uintptr
	args     [most]uintptr
	result   uintptr
}

// The states of the box.
const (
	idle    = iota
	asked   // the thread must call
	replied // the result is there
	started // the thread runs
)

var (
	mailbox box
	calling sync.Mutex
)

// serve is the thread's program, in assembly. It never returns and is not called from Go.
func serve()

// spawn starts a thread with all signals blocked at the entry of the dynamic linker. It returns the number of the thread, or the
// negative code of an error.
func spawn(stack, entry uintptr) int

// serveAddress returns the address of serve.
func serveAddress() uintptr

const (
	stackBytes = 8 << 20
	pageBytes  = 4096
)

// imports are the functions that the program needs before it can open libraries, by their place in the table.
var imports = [...]string{"dlopen", "dlsym", "dlerror"}

var resolved *[len(imports)]uintptr

var start = sync.OnceValue(func() error {
	base, entry, err := mapLinker()
	if err != nil {
		return fmt.Errorf("the dynamic linker %s cannot be started: %w", linker, err)
	}
	image, err := anonymous(pageBytes)
	if err != nil {
		return err
	}
	headers, table := program(image)
	resolved = (*[len(imports)]uintptr)(table)
	stack, err := anonymous(stackBytes)
	if err != nil {
		return err
	}
	auxiliary, err := os.ReadFile("/proc/self/auxv")
	if err != nil {
		return err
	}
	top := arguments(stack, auxiliary, map[uint64]uint64{atPhdr: headers, atPhnum: programHeaders, atBase: uint64(base), atEntry: uint64(serveAddress())})
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if n := spawn(top, base+entry); n < 0 {
		return fmt.Errorf("a thread for the dynamic linker cannot be started: %w", syscall.Errno(-n))
	}
	wait(started)
	atomic.StoreUint32(&mailbox.state, idle)
	return nil
})

// anonymous maps memory that reads as zeros and is never unmapped.
func anonymous(bytes int) ([]byte, error) {
	return syscall.Mmap(-1, 0, bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
}

func addressOf(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// mapLinker copies the segments of the dynamic linker into memory.
func mapLinker() (base, entry uintptr, err error) {
	f, err := elf.Open(linker)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	if f.Class != elf.ELFCLASS64 || f.Machine != elf.EM_X86_64 || f.Type != elf.ET_DYN {
		return 0, 0, errors.New("it is not a shared object for amd64")
	}
	end := uint64(0)
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD {
			end = max(end, p.Vaddr+p.Memsz)
		}
	}
	if end == 0 || end > 64<<20 {
		return 0, 0, fmt.Errorf("its segments have %d bytes", end)
	}
	memory, err := anonymous(int(end+pageBytes-1) &^ (pageBytes - 1))
	if err != nil {
		return 0, 0, err
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD {
			continue
		}
		if p.Filesz > p.Memsz || p.Vaddr+p.Memsz > end {
			return 0, 0, errors.New("a segment is damaged")
		}
		if _, err := p.ReadAt(memory[p.Vaddr:p.Vaddr+p.Filesz], 0); err != nil {
			return 0, 0, err
		}
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD || p.Flags&elf.PF_W != 0 {
			continue
		}
		from, to := p.Vaddr&^(pageBytes-1), (p.Vaddr+p.Memsz+pageBytes-1)&^(pageBytes-1)
		protection := syscall.PROT_READ
		if p.Flags&elf.PF_X != 0 {
			protection |= syscall.PROT_EXEC
		}
		if err := syscall.Mprotect(memory[from:min(to, uint64(len(memory)))], protection); err != nil {
			return 0, 0, err
		}
	}
	return addressOf(memory), uintptr(f.Entry), nil
}

const (
	headerBytes    = 56
	programHeaders = 5
)

// program writes the empty program into a page: program headers, a dynamic section that needs the C library, and relocations that
// make the linker write the addresses of the imports into a table.
func program(page []byte) (headers uint64, table unsafe.Pointer) {
	base := uint64(addressOf(page))
	put := binary.LittleEndian
	text := []byte("\x00libc.so.6\x00libdl.so.2\x00")
	const (
		atLinker   = 0x300
		atStrings  = 0x400
		atSymbols  = 0x600
		atHash     = 0x800
		atRelocate = 0x900
		atTable    = 0xa00
		atDynamic  = 0xb00
	)
	const libc, libdl = 1, 11
	symbol := page[atSymbols:] // the first is empty
	hash := page[atHash:]      // one bucket whose chain has all symbols
	put.PutUint32(hash[0:], 1)
	put.PutUint32(hash[4:], uint32(len(imports)+1))
	put.PutUint32(hash[8:], 1)
	for i, name := range imports {
		at := symbol[24*(i+1):]
		put.PutUint32(at[0:], uint32(len(text)))
		at[4] = byte(elf.ST_INFO(elf.STB_GLOBAL, elf.STT_FUNC))
		text = append(append(text, name...), 0)
		relocation := page[atRelocate+24*i:]
		put.PutUint64(relocation[0:], uint64(atTable+8*i))
		put.PutUint64(relocation[8:], uint64(i+1)<<32|uint64(elf.R_X86_64_GLOB_DAT))
		if i+1 < len(imports) {
			put.PutUint32(hash[12+4*(i+1):], uint32(i+2))
		}
	}
	copy(page[atStrings:], text)
	copy(page[atLinker:], linker)
	for i, entry := range [][2]uint64{
		{uint64(elf.DT_NEEDED), libc}, {uint64(elf.DT_NEEDED), libdl},
		{uint64(elf.DT_STRTAB), atStrings}, {uint64(elf.DT_STRSZ), uint64(len(text))},
		{uint64(elf.DT_SYMTAB), atSymbols}, {uint64(elf.DT_SYMENT), 24}, {uint64(elf.DT_HASH), atHash},
		{uint64(elf.DT_RELA), atRelocate}, {uint64(elf.DT_RELASZ), uint64(24 * len(imports))}, {uint64(elf.DT_RELAENT), 24},
		{uint64(elf.DT_BIND_NOW), 0}, {uint64(elf.DT_DEBUG), 0}, {uint64(elf.DT_NULL), 0},
	} {
		put.PutUint64(page[atDynamic+16*i:], entry[0])
		put.PutUint64(page[atDynamic+16*i+8:], entry[1])
	}
	writeHeaders(page, atLinker, atDynamic)
	return base + 64, unsafe.Pointer(&page[atTable])
}

// writeHeaders writes the program headers. The linker finds the base of the program from their address; all other addresses are
// relative to it.
func writeHeaders(page []byte, atLinker, atDynamic uint64) {
	for i, h := range [programHeaders]struct {
		kind     elf.ProgType
		flags    elf.ProgFlag
		at, size uint64
	}{
		{elf.PT_PHDR, elf.PF_R, 64, programHeaders * headerBytes},
		{elf.PT_INTERP, elf.PF_R, atLinker, uint64(len(linker) + 1)},
		{elf.PT_LOAD, elf.PF_R | elf.PF_W, 0, pageBytes},
		{elf.PT_DYNAMIC, elf.PF_R | elf.PF_W, atDynamic, 16 * 13},
		{elf.PT_GNU_STACK, elf.PF_R | elf.PF_W, 0, 0},
	} {
		at := page[64+headerBytes*i:]
		binary.LittleEndian.PutUint32(at[0:], uint32(h.kind))
		binary.LittleEndian.PutUint32(at[4:], uint32(h.flags))
		for j, v := range []uint64{h.at, h.at, h.at, h.size, h.size, pageBytes} {
			binary.LittleEndian.PutUint64(at[8+8*j:], v)
		}
	}
}

// Entries of the auxiliary vector.
const (
	atPhdr  = 3
	atPhnum = 5
	atBase  = 7
	atEntry = 9
)

// arguments writes what the kernel gives to a program onto the stack and returns the stack pointer: the count of arguments, the
// arguments, the environment and the auxiliary vector, of which some entries are replaced.
func arguments(stack, auxiliary []byte, replace map[uint64]uint64) uintptr {
	free := len(stack)
	text := func(s string) uint64 {
		free -= len(s) + 1
		copy(stack[free:], s)
		return uint64(addressOf(stack)) + uint64(free)
	}
	words := []uint64{1, text("ptycho"), 0}
	for _, v := range os.Environ() {
		if free < len(stack)/2 {
			break // an environment of megabytes; the rest is not needed
		}
		words = append(words, text(v))
	}
	words = append(words, 0)
	for i := 0; i+16 <= len(auxiliary); i += 16 {
		key, value := binary.LittleEndian.Uint64(auxiliary[i:]), binary.LittleEndian.Uint64(auxiliary[i+8:])
		if v, ok := replace[key]; ok {
			value = v
			delete(replace, key)
		}
		if key == 0 {
			break
		}
		words = append(words, key, value)
	}
	for key, value := range replace {
		words = append(words, key, value)
	}
	words = append(words, 0, 0)
	at := (free - 8*len(words)) &^ 63
	for i, w := range words {
		binary.LittleEndian.PutUint64(stack[at+8*i:], w)
	}
	return addressOf(stack) + uintptr(at)
}

// Numbers of the futex system call.
const (
	futexWait = 0
	futexWake = 1
)

func futex(op, value uint32) {
	syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(&mailbox.state)), uintptr(op), uintptr(value), 0, 0, 0) // a wait may end early
}

// spins is how often the caller looks for a result before it sleeps: most calls of the driver take less than a microsecond.
const spins = 2000

// patience is how often the thread looks for a call before it sleeps; a pause takes some 10 to 40 ns.
const patience = 2000

// wait returns when the box has the state.
func wait(state uint32) {
	for i := 0; ; i++ {
		now := atomic.LoadUint32(&mailbox.state)
		if now == state {
			return
		}
		if i > spins {
			futex(futexWait, now)
		}
	}
}

// Call calls a function with at most 12 integers and addresses, and returns its result. An address of Go memory must be converted
// in the argument list.
//
//go:uintptrescapes
func Call(f uintptr, args ...uintptr) uintptr {
	calling.Lock()
	defer calling.Unlock()
	mailbox.function = f
	clear(mailbox.args[:])
	copy(mailbox.args[:], args)
	atomic.StoreUint32(&mailbox.state, asked)
	futex(futexWake, 1)
	wait(replied)
	r := mailbox.result
	atomic.StoreUint32(&mailbox.state, idle)
	return r
}

// Open loads a library by name or path with local symbols.
func Open(name string) (uintptr, error) {
	if err := start(); err != nil {
		return 0, err
	}
	const now = 2
	b := append([]byte(name), 0)
	p := Call(resolved[0], uintptr(unsafe.Pointer(&b[0])), now)
	if p == 0 {
		return 0, errors.New(Text(Call(resolved[2])))
	}
	return p, nil
}

// Symbol returns the address of a function.
func Symbol(library uintptr, name string) (uintptr, error) {
	b := append([]byte(name), 0)
	p := Call(resolved[1], library, uintptr(unsafe.Pointer(&b[0])))
	if p == 0 {
		return 0, errors.New("the library does not have the function " + name)
	}
	return p, nil
}
