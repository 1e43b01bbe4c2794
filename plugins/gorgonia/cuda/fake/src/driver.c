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
enum { DEVICES = 2, GUARD = 4096, NAMES = 64, LIVE = 1 << 16 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct { char name[40]; long calls; } counts[NAMES];
static char failing[40], message[400];
static long failAt, failCode;
static int initialised;
static _Thread_local void *current;
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
void fake_memory(long bytes) { memory = bytes; }

// The driver.
int cuInit(unsigned flags) {
	(void)flags;
	CALL();
	initialised = 1;
	return 0;
}
int cuDriverGetVersion(int *v) { CALL(); *v = 13000; return 0; }
int cuDeviceGetCount(int *n) { CALL(); *n = DEVICES; return 0; }
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
	*v = attribute == 75 ? 9 : attribute == 97 ? 227 << 10 : 0;
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

int cuMemAlloc_v2(char **p, size_t n) {
	CURRENT();
	if (n == 0)
		return INVALID_VALUE;
	if (used + n > memory)
		return OUT_OF_MEMORY;
	char *b = malloc(n + 2 * GUARD);
	memset(b, 0xff, n + 2 * GUARD); // every float32 and float64 is a NaN
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
	for (int i = 0; i < GUARD; i++)
		if ((unsigned char)p[-1 - i] != 0xff || (unsigned char)p[n + i] != 0xff) {
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
	if (!current || take(p, 'h') < 0)
		return INVALID_VALUE;
	free(p);
	return failed;
}

// Streams record launches while they are captured, and run them at once otherwise.
typedef struct { void *function; unsigned grid[3], block, shared; Args args; char *to, *from; size_t bytes; } Work;
typedef struct { int capturing; Work *work; int n, room; } Stream;
typedef struct { void *library; void *image; } Module;
typedef struct { void *f; char mode; Module *module; } Function;

static int run(const Work *w) {
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
static int submit(Stream *s, Work w) {
	if (!s->capturing)
		return run(&w);
	if (s->n == s->room)
		s->work = realloc(s->work, (s->room = 2 * s->room + 64) * sizeof *s->work);
	s->work[s->n++] = w;
	return 0;
}
int cuStreamCreate(Stream **s, unsigned flags) {
	(void)flags;
	CURRENT();
	add(*s = calloc(1, sizeof **s), 0, 's');
	return 0;
}
int cuStreamDestroy_v2(Stream *s) {
	int failed = late(__func__);
	if (!current || take(s, 's') < 0)
		return INVALID_HANDLE;
	free(s->work);
	free(s);
	return failed;
}
int cuStreamSynchronize(Stream *s) { CURRENT(); return s->capturing ? 900 : 0; }
int cuStreamBeginCapture_v2(Stream *s, int m) {
	(void)m;
	CURRENT();
	s->capturing = 1, s->n = 0;
	return 0;
}
int cuStreamEndCapture(Stream *s, Stream **g) {
	CURRENT();
	if (!s->capturing)
		return INVALID_VALUE;
	s->capturing = 0;
	*g = calloc(1, sizeof **g);
	**g = *s;
	s->work = NULL, s->n = s->room = 0;
	add(*g, 0, 'g');
	return 0;
}
int cuGraphInstantiateWithFlags(Stream **e, Stream *g, unsigned long long flags) {
	(void)flags;
	CURRENT();
	*e = calloc(1, sizeof **e);
	**e = *g;
	(*e)->work = malloc(g->n * sizeof *g->work + 1);
	memcpy((*e)->work, g->work, g->n * sizeof *g->work);
	add(*e, 0, 'e');
	return 0;
}
static int drop(Stream *g, char kind, int failed) {
	if (!current || take(g, kind) < 0)
		return INVALID_HANDLE;
	free(g->work);
	free(g);
	return failed;
}
int cuGraphDestroy(Stream *g) { return drop(g, 'g', late(__func__)); }
int cuGraphExecDestroy(Stream *g) { return drop(g, 'e', late(__func__)); }
int cuGraphLaunch(Stream *e, Stream *s) {
	(void)s;
	CURRENT();
	for (int i = 0; i < e->n; i++) {
		int c = run(&e->work[i]);
		if (c)
			return c;
	}
	return 0;
}
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

// Modules. Only the module of float32 declares fourier_double.
int cuModuleLoadDataEx(Module **m, const char *image, unsigned n, void *options, void *values) {
	(void)n, (void)options, (void)values;
	CURRENT();
	if (strncmp(image, "//", 2) && strncmp(image, ".version", 8))
		return INVALID_IMAGE;
	void *library = kernels[strstr(image, ".entry fourier_double(") ? 0 : 1];
	if (!library) // a process that was started with LD_LIBRARY_PATH
		library = dlopen(strstr(image, ".entry fourier_double(") ? "kernels_f32.so" : "kernels_f64.so", RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return NOT_FOUND;
	*m = malloc(sizeof **m);
	**m = (Module){library, strdup(image)};
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
	snprintf(text, sizeof text, ".entry %s(", name);
	void *code = dlsym(m->library, name);
	snprintf(text + 40, 40, "%s_mode", name);
	char *mode = dlsym(m->library, text + 40);
	if (!strstr(m->image, text) || !code || !mode)
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
