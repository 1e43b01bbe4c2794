// A PJRT library that wraps another one and writes every program to be compiled to a folder.
//
//   PTYCHO_CAPTURE_LIBRARY   the PJRT library that does the work
//   PTYCHO_CAPTURE_FOLDER    receives NUMBER.mlir, one file a program
//   PTYCHO_CAPTURE_ONLY      if set, a program is written and then refused, so that nothing is compiled or run
//
// Built with -I to the folder of pjrt_c_api.h; see ../main.go.
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pjrt_c_api.h"

static PJRT_Api front;                 // the copy that the caller receives
static PJRT_Client_Compile *compile;   // of the wrapped library
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int count;

static void fail(const char *what) {
  fprintf(stderr, "capture: %s\n", what);
  exit(1);
}

static PJRT_Error *capture(PJRT_Client_Compile_Args *args) {
  const char *folder = getenv("PTYCHO_CAPTURE_FOLDER");
  if (folder == NULL) fail("PTYCHO_CAPTURE_FOLDER is not set");
  char path[4096];
  pthread_mutex_lock(&lock);
  snprintf(path, sizeof path, "%s/%d-%06d.mlir", folder, (int)getpid(), count++);
  pthread_mutex_unlock(&lock);
  FILE *f = fopen(path, "wb");
  if (f == NULL || fwrite(args->program->code, 1, args->program->code_size, f) != args->program->code_size || fclose(f) != 0)
    fail("a program cannot be written");
  if (getenv("PTYCHO_CAPTURE_ONLY") != NULL) {
    // The library reports the error for a program that it cannot read.
    static char nothing[] = "captured";
    PJRT_Program empty = *args->program;
    empty.code = nothing;
    empty.code_size = sizeof nothing - 1;
    args->program = &empty;
    return compile(args);
  }
  return compile(args);
}

const PJRT_Api *GetPjrtApi(void) {
  if (compile != NULL) return &front;
  const char *path = getenv("PTYCHO_CAPTURE_LIBRARY");
  if (path == NULL) fail("PTYCHO_CAPTURE_LIBRARY is not set");
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) fail(dlerror());
  const PJRT_Api *(*get)(void) = (const PJRT_Api *(*)(void))dlsym(library, "GetPjrtApi");
  if (get == NULL) fail(dlerror());
  const PJRT_Api *api = get();
  memcpy(&front, api, api->struct_size < sizeof front ? api->struct_size : sizeof front);
  if (front.struct_size > sizeof front) front.struct_size = sizeof front;
  compile = front.PJRT_Client_Compile;
  front.PJRT_Client_Compile = capture;
  return &front;
}
