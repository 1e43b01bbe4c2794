// Compiles programs for a GPU that the machine lacks: PJRT compiles for the description of a device.
//
//   compile LIBRARY TARGET OPTIONS < PATHS
//
// LIBRARY is a CUDA PJRT library, TARGET the text of a GpuTargetConfigProto, OPTIONS a serialised CompileOptionsProto.
// Each line of standard input is the path of a program in StableHLO text. For each, one line is printed:
//
//   ok CODE ARGUMENTS OUTPUTS ALIASES TEMPORARIES SECONDS PATH     sizes in bytes
//   failed MESSAGE
//
// A failed CHECK inside the library ends the process; the caller restarts it after the program that failed.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pjrt_c_api.h"

static const PJRT_Api *api;

static void fail(const char *what) {
  fprintf(stderr, "compile: %s\n", what);
  exit(1);
}

// drop frees an error.
static void drop(PJRT_Error *e) {
  PJRT_Error_Destroy_Args d = {.struct_size = sizeof d, .error = e};
  api->PJRT_Error_Destroy(&d);
}

// message prints an error on one line and frees it.
static void message(const char *before, PJRT_Error *e) {
  PJRT_Error_Message_Args m = {.struct_size = sizeof m, .error = e};
  api->PJRT_Error_Message(&m);
  printf("%s", before);
  for (size_t i = 0; i < m.message_size && i < 600; i++) putchar(m.message[i] == '\n' ? ' ' : m.message[i]);
  putchar('\n');
  fflush(stdout);
  drop(e);
}

static char *slurp(const char *path, size_t *size) {
  FILE *f = fopen(path, "rb");
  if (f == NULL) return NULL;
  fseek(f, 0, SEEK_END);
  *size = (size_t)ftell(f);
  rewind(f);
  char *text = malloc(*size + 1);
  if (text == NULL || fread(text, 1, *size, f) != *size) return NULL;
  text[*size] = 0;
  fclose(f);
  return text;
}

static PJRT_NamedValue text_option(const char *name, const char *value, size_t size) {
  return (PJRT_NamedValue){.struct_size = sizeof(PJRT_NamedValue), .name = name, .name_size = strlen(name),
                           .type = PJRT_NamedValue_kString, .string_value = value, .value_size = size};
}

// code_size returns the bytes of the compiled program. Where the library has no figure for its code, it is the size of the
// serialised executable: the code with its description.
static long long code_size(PJRT_Executable *executable, long long known) {
  if (known > 0) return known;
  PJRT_Executable_SizeOfGeneratedCodeInBytes_Args g = {.struct_size = sizeof g, .executable = executable};
  PJRT_Error *e = api->PJRT_Executable_SizeOfGeneratedCodeInBytes(&g);
  if (e != NULL) drop(e);
  else if (g.size_in_bytes > 0) return g.size_in_bytes;
  PJRT_Executable_Serialize_Args s = {.struct_size = sizeof s, .executable = executable};
  if ((e = api->PJRT_Executable_Serialize(&s)) != NULL) {
    drop(e);
    return 0;
  }
  long long size = (long long)s.serialized_bytes_size;
  s.serialized_executable_deleter(s.serialized_executable);
  return size;
}

static void compile(PJRT_TopologyDescription *topology, const char *options, size_t options_size, const char *path) {
  size_t size;
  char *code = slurp(path, &size);
  if (code == NULL) {
    printf("failed %s cannot be read\n", path);
    return;
  }
  PJRT_Program program = {.struct_size = sizeof program, .code = code, .code_size = size, .format = "mlir", .format_size = 4};
  PJRT_Compile_Args c = {.struct_size = sizeof c, .topology = topology, .program = &program,
                         .compile_options = options, .compile_options_size = options_size};
  struct timespec from, to;
  clock_gettime(CLOCK_MONOTONIC, &from);
  PJRT_Error *e = api->PJRT_Compile(&c);
  clock_gettime(CLOCK_MONOTONIC, &to);
  free(code);
  if (e != NULL) {
    message("failed ", e);
    return;
  }
  PJRT_Executable_GetCompiledMemoryStats_Args m = {.struct_size = sizeof m, .executable = c.executable};
  if ((e = api->PJRT_Executable_GetCompiledMemoryStats(&m)) != NULL) {
    message("failed no memory figures: ", e);
  } else {
    printf("ok %lld %lld %lld %lld %lld %.2f %s\n", code_size(c.executable, m.generated_code_size_in_bytes), (long long)m.argument_size_in_bytes,
           (long long)m.output_size_in_bytes, (long long)m.alias_size_in_bytes, (long long)m.temp_size_in_bytes,
           (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9, path);
    fflush(stdout);
  }
  PJRT_Executable_Destroy_Args d = {.struct_size = sizeof d, .executable = c.executable};
  api->PJRT_Executable_Destroy(&d);
}

int main(int argc, char **argv) {
  if (argc != 4) fail("want LIBRARY TARGET OPTIONS");
  void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) fail(dlerror());
  const PJRT_Api *(*get)(void) = (const PJRT_Api *(*)(void))dlsym(library, "GetPjrtApi");
  if (get == NULL) fail(dlerror());
  api = get();
  PJRT_Plugin_Initialize_Args init = {.struct_size = sizeof init};
  PJRT_Error *e = api->PJRT_Plugin_Initialize(&init);
  if (e != NULL) {
    message("failed initialisation: ", e);
    return 1;
  }
  size_t target_size, options_size;
  char *target = slurp(argv[2], &target_size), *options = slurp(argv[3], &options_size);
  if (target == NULL || options == NULL) fail("TARGET or OPTIONS cannot be read");
  PJRT_NamedValue named[] = {text_option("topology", "1x1x1", 5), text_option("target_config", target, target_size)};
  PJRT_TopologyDescription_Create_Args t = {.struct_size = sizeof t, .topology_name = "", .create_options = named, .num_options = 2};
  if ((e = api->PJRT_TopologyDescription_Create(&t)) != NULL) {
    message("failed topology: ", e);
    return 1;
  }
  printf("ready %d.%d\n", api->pjrt_api_version.major_version, api->pjrt_api_version.minor_version);
  fflush(stdout);
  char line[4096];
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\n")] = 0;
    if (line[0] != 0) compile(t.topology, options, options_size, line);
  }
  return 0;
}
