// nvrtc.c is libnvrtc for tests. Its version is MAJOR.MINOR. It returns the file IMAGE_f32 or IMAGE_f64 as machine code, and appends
// the architecture that it is asked for to the file CALLS. FAULT makes the compilation fail (1), crash (2) or hang (3), or return
// a text as machine code (4).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef FAULT
#define FAULT 0
#endif

static char image[1 << 20], log_[] = "all.cu(1): error: a fault for a test";
static size_t bytes;

int nvrtcVersion(int *major, int *minor) {
	*major = MAJOR, *minor = MINOR;
	return 0;
}
int nvrtcCreateProgram(void **p, const char *source, const char *name, int n, const char *const *texts, const char *const *names) {
	*p = image;
	for (int i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return strcmp(texts[i], source) ? 4 : 0;
	return 4;
}
int nvrtcCompileProgram(void *p, int n, const char *const *options) {
	const char *file = NULL;
	FILE *f = fopen(CALLS, "a");
	(void)p;
	for (int i = 0; i < n && f; i++) {
		if (!strncmp(options[i], "--gpu-architecture=", 19))
			fprintf(f, "%s\n", options[i] + 19);
		if (!strcmp(options[i], "-DSINGLE"))
			file = IMAGE "_f32";
		if (!strcmp(options[i], "-DDOUBLE"))
			file = IMAGE "_f64";
	}
	if (!f || fclose(f) || FAULT == 1)
		return 6;
	if (FAULT == 2)
		abort();
	if (FAULT == 3)
		sleep(1000);
	if (!file || !(f = fopen(file, "r")))
		return 5;
	bytes = fread(image, 1, sizeof image, f);
	if (FAULT == 4)
		memcpy(image, "text", 4);
	return fclose(f) ? 5 : 0;
}
int nvrtcGetProgramLogSize(void *p, size_t *n) { (void)p; *n = sizeof log_; return 0; }
int nvrtcGetProgramLog(void *p, char *to) { (void)p; memcpy(to, log_, sizeof log_); return 0; }
int nvrtcGetCUBINSize(void *p, size_t *n) { (void)p; *n = bytes; return 0; }
int nvrtcGetCUBIN(void *p, char *to) { (void)p; memcpy(to, image, bytes); return 0; }
