// driver.c is libcuda.so.1 for tests: it counts calls, fails the one that is asked for, knows what is still allocated, and runs
// kernels on the CPU. The exported functions fake_… control it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
	void *p[10];
	long long n[20];
	double f[8];
} Args;

enum { INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, NO_DEVICE = 100, INVALID_DEVICE = 101, INVALID_IMAGE = 200, INVALID_CONTEXT = 201, INVALID_HANDLE = 400, NOT_FOUND = 500, LAUNCH_FAILED = 719 };
// What a test may choose when it compiles this file.
#ifndef VERSION
#define VERSION 13000
#endif
#ifndef COUNT
#define COUNT DEVICES
#endif
#ifndef MAJOR
#define MAJOR 9
#endif

enum { DEVICES = 2, GUARD = 4096, NAMES = 64, LIVE = 1 << 16 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct { char name[40]; long calls; } counts[NAMES];
static char failing[40], message[400];
static long failAt, failCode;
static int initialised;
static unsigned lateStreams, streams; // every second stream has the same bit
static _Thread_local void *current;
static int major = MAJOR;
static uint64_t memory = (uint64_t)4 << 30, used;

// Thing is what must be given back: memory, streams, modules, graphs, and references to contexts.
static struct Thing { char *p; size_t size; char kind; } live[LIVE];
static int things;

// call counts a call and returns the code that it must fail with, or 0.
static int call(const char *name) {
	int i = 0;
	while (counts[i].name[0] && strcmp(counts[i].name, name))
		i++;
	if (!counts[i].name[0])
		strncpy(counts[i].name, name, sizeof counts[i].name - 1);
	counts[i].calls++;
	if (!strcmp(failing, name) && counts[i].calls == failAt)
		return (int)failCode;
	return initialised || !strcmp(name, "cuInit") || !strcmp(name, "cuDriverGetVersion") ? 0 : NOT_INITIALIZED;
}

#define CALL() do { pthread_mutex_lock(&lock); int c_ = call(__func__); pthread_mutex_unlock(&lock); if (c_) return c_; } while (0)
#define CURRENT() do { CALL(); if (!current) return INVALID_CONTEXT; } while (0)

// late is CURRENT for a function that frees: it frees what it is given although the call fails.
static int late(const char *name) {
	pthread_mutex_lock(&lock);
	int c = call(name);
	pthread_mutex_unlock(&lock);
	return c;
}

static void add(void *p, size_t size, char kind) {
	pthread_mutex_lock(&lock);
	live[things++] = (struct Thing){p, size, kind};
	pthread_mutex_unlock(&lock);
}

// take removes a thing; it returns its size, or -1 if it is unknown or its guards were overwritten.
static long take(void *p, char kind) {
	long size = -1;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < things; i++)
		if (live[i].p == p && live[i].kind == kind) {
			size = live[i].size;
			live[i] = live[--things];
			break;
		}
	pthread_mutex_unlock(&lock);
	return size;
}

// inside reports whether [p, p+size) lies in device memory.
static int inside(const void *p, size_t size) {
	int found = 0;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < things && !found; i++)
		found = live[i].kind == 'm' && (const char *)p >= live[i].p && (const char *)p + size <= live[i].p + live[i].size;
	pthread_mutex_unlock(&lock);
	return found;
}

// kernels holds the libraries of both precisions.
static void *kernels[2];

// fake_kernels opens the kernels of a precision, so that the files may be removed.
const char *fake_kernels(const char *path, long wide) {
	kernels[wide] = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	return kernels[wide] ? "" : dlerror();
}

// Control.
void fake_fail(const char *name, long nth, long code) {
	pthread_mutex_lock(&lock);
	strncpy(failing, name, sizeof failing - 1);
	failAt = nth, failCode = code;
	memset(counts, 0, sizeof counts);
	message[0] = 0;
	pthread_mutex_unlock(&lock);
}
long fake_calls(const char *name) {
	for (int i = 0; i < NAMES && counts[i].name[0]; i++)
		if (!strcmp(counts[i].name, name))
			return counts[i].calls;
	return 0;
}
const char *fake_name(long i) { return i < NAMES ? counts[i].name : ""; }
const char *fake_message(void) { return message; }
long fake_live(void) { return things; }
void fake_capability(long v) { major = v; }
void fake_memory(long bytes) { memory = bytes; }
void fake_late(long mask) { lateStreams = mask, streams = 0; }

// The driver.
int cuInit(unsigned flags) {
	(void)flags;
	CALL();
	initialised = 1;
	return 0;
}
int cuDriverGetVersion(int *v) { CALL(); *v = VERSION; return 0; }
int cuDeviceGetCount(int *n) { CALL(); *n = COUNT; return 0; }
int cuDeviceGet(int *d, int i) {
	CALL();
	if (i < 0 || i >= DEVICES)
		return INVALID_DEVICE;
	*d = i;
	return 0;
}
int cuDeviceGetName(char *s, int n, int d) { CALL(); snprintf(s, n, "Fake GPU %d", d); return 0; }
int cuDeviceTotalMem_v2(size_t *s, int d) { (void)d; CALL(); *s = memory; return 0; }
int cuDeviceGetAttribute(int *v, int attribute, int d) {
	(void)d;
	CALL();
	*v = attribute == 75 ? major : attribute == 97 ? 227 << 10 : 0;
	return 0;
}
int cuDevicePrimaryCtxRetain(void **c, int d) {
	static char contexts[DEVICES];
	CALL();
	*c = &contexts[d];
	add(*c, d, 'c');
	return 0;
}
int cuDevicePrimaryCtxRelease_v2(int d) {
	int failed = late(__func__);
	pthread_mutex_lock(&lock);
	int found = 0;
	for (int i = 0; i < things && !found; i++)
		if (live[i].kind == 'c' && live[i].size == (size_t)d) {
			live[i] = live[--things];
			found = 1;
		}
	pthread_mutex_unlock(&lock);
	return found ? failed : INVALID_CONTEXT;
}
int cuCtxSetCurrent(void *c) { CALL(); current = c; return 0; }
int cuMemGetInfo_v2(size_t *have, size_t *all) { CURRENT(); *all = memory; *have = memory - used; return 0; }

static int busy(const char *p, long n);

// guard is the byte at an address around an allocation. It differs from place to place: a kernel that writes there what it reads
// there would not be found otherwise.
static char guard(const char *p) { return (char)((size_t)p * 167 + ((size_t)p >> 12) * 91); }

int cuMemAlloc_v2(char **p, size_t n) {
	CURRENT();
	if (n == 0)
		return INVALID_VALUE;
	if (used + n > memory)
		return OUT_OF_MEMORY;
	char *b = malloc(n + 2 * GUARD);
	memset(b + GUARD, 0xff, n); // every float32 and float64 is a NaN
	for (size_t i = 0; i < GUARD; i++)
		b[i] = guard(b + i), b[GUARD + n + i] = guard(b + GUARD + n + i);
	used += n;
	*p = b + GUARD;
	add(*p, n, 'm');
	return 0;
}
int cuMemFree_v2(char *p) {
	int failed = late(__func__);
	if (!current)
		return INVALID_CONTEXT;
	long n = take(p, 'm');
	if (n < 0)
		return INVALID_VALUE;
	used -= n;
	if (busy(p, n))
		return LAUNCH_FAILED;
	for (int i = 0; i < GUARD; i++)
		if (p[-1 - i] != guard(p - 1 - i) || p[n + i] != guard(p + n + i)) {
			snprintf(message, sizeof message, "a kernel wrote outside of %ld bytes of device memory", n);
			return LAUNCH_FAILED;
		}
	free(p - GUARD);
	return failed;
}
int cuMemHostAlloc(void **p, size_t n, unsigned flags) {
	(void)flags;
	CURRENT();
	*p = malloc(n);
	add(*p, n, 'h');
	return 0;
}
int cuMemFreeHost(void *p) {
	int failed = late(__func__);
	long n = current ? take(p, 'h') : -1;
	if (n < 0)
		return INVALID_VALUE;
	if (busy(p, n))
		return LAUNCH_FAILED;
	free(p);
	return failed;
}

// Streams record launches while they are captured. Otherwise they run them at once, or, if the test asks for it, as late as allowed:
// when the stream is synchronised.
typedef struct Stream Stream;
typedef struct { void *function; unsigned grid[3], block, shared; Args args; char *to, *from; size_t bytes; Stream *graph; } Work;
typedef struct { Work *work; int n, room; } List;
struct Stream { int capturing, late; List work, waiting; };
typedef struct { void *library; char *image; size_t size; } Module;
typedef struct { void *f; char mode; Module *module; } Function;

static int run(const Work *w);
static int run_all(const List *l) {
	int failed = 0;
	for (int i = 0; i < l->n && !failed; i++)
		failed = run(&l->work[i]);
	return failed;
}
static int run(const Work *w) {
	if (w->graph)
		return run_all(&w->graph->work);
	if (!w->function) {
		memmove(w->to, w->from, w->bytes);
		return 0;
	}
	static pthread_mutex_t running = PTHREAD_MUTEX_INITIALIZER; // the shim has one set of threads
	Function *f = w->function;
	int (*launch)(void *, char, const unsigned *, unsigned, size_t, const Args *, char *, size_t) = dlsym(f->module->library, "shim_launch");
	pthread_mutex_lock(&running);
	int failed = launch(f->f, f->mode, w->grid, w->block, w->shared, &w->args, message, sizeof message);
	pthread_mutex_unlock(&running);
	return failed ? LAUNCH_FAILED : 0;
}
static void append(List *l, Work w) {
	if (l->n == l->room)
		l->work = realloc(l->work, (l->room = 2 * l->room + 64) * sizeof *l->work);
	l->work[l->n++] = w;
}
static int submit(Stream *s, Work w) {
	if (!s->capturing && !s->late)
		return run(&w);
	append(s->capturing ? &s->work : &s->waiting, w);
	return 0;
}
static void flush(void) {
	for (int i = 0; i < things; i++)
		if (live[i].kind == 's') {
			Stream *s = (Stream *)live[i].p;
			run_all(&s->waiting);
			s->waiting.n = 0;
		}
}
// needs reports whether work uses an address of [p, p+n).
static int needs(const Work *w, const char *p, long n) {
	int found = w->function == NULL && !w->graph && ((w->to >= p && w->to < p + n) || (w->from >= p && w->from < p + n));
	for (int i = 0; w->function && i < 10 && !found; i++)
		found = (char *)w->args.p[i] >= p && (char *)w->args.p[i] < p + n;
	for (int i = 0; w->graph && i < w->graph->work.n && !found; i++)
		found = needs(&w->graph->work.work[i], p, n);
	return found;
}
// busy reports whether work that waits uses memory that is freed.
static int busy(const char *p, long n) {
	int found = 0;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < things; i++)
		for (int j = 0; live[i].kind == 's' && j < ((Stream *)live[i].p)->waiting.n && !found; j++)
			found = needs(&((Stream *)live[i].p)->waiting.work[j], p, n);
	pthread_mutex_unlock(&lock);
	if (found)
		snprintf(message, sizeof message, "%ld bytes are freed that a stream still needs", n);
	return found;
}
int cuStreamCreate(Stream **s, unsigned flags) {
	(void)flags;
	CURRENT();
	add(*s = calloc(1, sizeof **s), 0, 's');
	(*s)->late = lateStreams >> streams++ % 2 & 1;
	return 0;
}
int cuStreamDestroy_v2(Stream *s) {
	int failed = late(__func__);
	if (!current || take(s, 's') < 0)
		return INVALID_HANDLE;
	free(s->work.work);
	free(s->waiting.work);
	free(s);
	return failed;
}
int cuStreamSynchronize(Stream *s) {
	CURRENT();
	if (s->capturing)
		return 900;
	int code = run_all(&s->waiting);
	s->waiting.n = 0;
	return code;
}
int cuStreamBeginCapture_v2(Stream *s, int m) {
	(void)m;
	CURRENT();
	s->capturing = 1, s->work.n = 0;
	return 0;
}
int cuStreamEndCapture(Stream *s, Stream **g) {
	CURRENT();
	if (!s->capturing)
		return INVALID_VALUE;
	s->capturing = 0;
	*g = calloc(1, sizeof **g);
	(*g)->work = s->work;
	s->work = (List){0};
	add(*g, 0, 'g');
	return 0;
}
int cuGraphInstantiateWithFlags(Stream **e, Stream *g, unsigned long long flags) {
	(void)flags;
	CURRENT();
	*e = calloc(1, sizeof **e);
	for (int i = 0; i < g->work.n; i++)
		append(&(*e)->work, g->work.work[i]);
	add(*e, 0, 'e');
	return 0;
}
static int drop(Stream *g, char kind, int failed) {
	if (!current || take(g, kind) < 0)
		return INVALID_HANDLE;
	if (kind == 'e') // a driver waits for the launches of a graph that is destroyed
		flush();
	free(g->work.work);
	free(g);
	return failed;
}
int cuGraphDestroy(Stream *g) { return drop(g, 'g', late(__func__)); }
int cuGraphExecDestroy(Stream *g) { return drop(g, 'e', late(__func__)); }
int cuGraphLaunch(Stream *e, Stream *s) { CURRENT(); return submit(s, (Work){.graph = e}); }
int cuMemcpyHtoDAsync_v2(char *to, char *from, size_t n, Stream *s) {
	CURRENT();
	return !inside(to, n) ? INVALID_VALUE : submit(s, (Work){.to = to, .from = from, .bytes = n});
}
int cuMemcpyDtoHAsync_v2(char *to, char *from, size_t n, Stream *s) {
	CURRENT();
	return !inside(from, n) ? INVALID_VALUE : submit(s, (Work){.to = to, .from = from, .bytes = n});
}
int cuMemcpyDtoDAsync_v2(char *to, char *from, size_t n, Stream *s) {
	CURRENT();
	return !inside(to, n) || !inside(from, n) ? INVALID_VALUE : submit(s, (Work){.to = to, .from = from, .bytes = n});
}

// Modules are PTX, or machine code, whose kernels have sections of their names.
static size_t length(const char *image) {
	if (strncmp(image, "\177ELF", 4))
		return strlen(image) + 1;
	uint64_t at[2];
	uint16_t each[4]; // from the size of a program header on
	memcpy(at, image + 32, sizeof at), memcpy(each, image + 54, 8);
	size_t programs = at[0] + each[0] * each[1], sections = at[1] + each[2] * each[3]; // one of the tables is last
	return programs > sections ? programs : sections;
}
static int declares(const char *image, size_t size, const char *name) {
	char text[80];
	if (strncmp(image, "\177ELF", 4))
		return snprintf(text, sizeof text, ".entry %s(", name), strstr(image, text) != NULL;
	snprintf(text, sizeof text, ".text.%s", name);
	return memmem(image, size, text, strlen(text) + 1) != NULL;
}
int cuModuleLoadDataEx(Module **m, const char *image, unsigned n, void *options, void *values) {
	(void)n, (void)options, (void)values;
	CURRENT();
	if (strncmp(image, "//", 2) && strncmp(image, ".version", 8) && strncmp(image, "\177ELF", 4))
		return INVALID_IMAGE;
	size_t size = length(image);
	int single = declares(image, size, "fourier_double") || declares(image, size, "conv_tf32"); // which float64 does not need
	void *library = kernels[single ? 0 : 1];
	if (!library) // a process that was started with LD_LIBRARY_PATH
		library = dlopen(single ? "kernels_f32.so" : "kernels_f64.so", RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return NOT_FOUND;
	*m = malloc(sizeof **m);
	**m = (Module){library, memcpy(malloc(size), image, size), size};
	add(*m, 0, 'o');
	return 0;
}
int cuModuleUnload(Module *m) {
	int failed = late(__func__);
	if (!current || take(m, 'o') < 0)
		return INVALID_HANDLE;
	free(m->image);
	free(m);
	return failed;
}
int cuModuleGetFunction(Function **f, Module *m, const char *name) {
	CURRENT();
	char text[80];
	void *code = dlsym(m->library, name);
	snprintf(text, sizeof text, "%s_mode", name);
	char *mode = dlsym(m->library, text);
	if (!declares(m->image, m->size, name) || !code || !mode)
		return NOT_FOUND;
	*f = malloc(sizeof **f); // lives as long as the process, as a real one lives as long as its module
	**f = (Function){code, *mode, m};
	return 0;
}
int cuFuncSetAttribute(void *f, int attribute, int value) { (void)f, (void)attribute; CURRENT(); return value > 227 << 10 ? INVALID_VALUE : 0; }
int cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, Stream *s, void **params, void **extra) {
	(void)extra;
	CURRENT();
	if (!gx || !gy || !gz || gy > 65535 || gz > 65535 || !bx || bx > 1024 || by != 1 || bz != 1)
		return INVALID_VALUE;
	Work w = {.function = f, .grid = {gx, gy, gz}, .block = bx, .shared = shared, .args = *(Args *)params[0]};
	return submit(s, w);
}
int cuGetErrorName(int code, const char **name) {
	static const struct { int code; const char *name; } names[] = {{1, "CUDA_ERROR_INVALID_VALUE"}, {2, "CUDA_ERROR_OUT_OF_MEMORY"}, {719, "CUDA_ERROR_LAUNCH_FAILED"}};
	CALL();
	*name = "CUDA_ERROR_UNKNOWN";
	for (int i = 0; i < 3; i++)
		if (names[i].code == code)
			*name = names[i].name;
	return 0;
}
