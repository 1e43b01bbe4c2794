package machine

import x86 "golang.org/x/sys/cpu"

func supported() []Instructions {
	p := []Instructions{Portable}
	if x86.X86.HasAVX2 && x86.X86.HasFMA {
		p = append(p, AVX2)
	}
	if x86.X86.HasAVX512F && x86.X86.HasAVX512DQ {
		p = append(p, AVX512)
	}
	return p
}
