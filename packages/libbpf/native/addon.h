/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ADDON_H
#define ADDON_H

#include "value.h"

void export_function(napi_env env, napi_value exports, const char *name, napi_callback function);

void fd_register(napi_env env, napi_value exports);
void file_register(napi_env env, napi_value exports);
void log_register(napi_env env, napi_value exports);
void object_register(napi_env env, napi_value exports);
void object_settings_register(napi_env env, napi_value exports);
void clone_register(napi_env env, napi_value exports);
void program_register(napi_env env, napi_value exports);
void map_register(napi_env env, napi_value exports);
void memory_register(napi_env env, napi_value exports);
void poll_register(napi_env env, napi_value exports);
void link_register(napi_env env, napi_value exports);
void perf_register(napi_env env, napi_value exports);
void symbol_register(napi_env env, napi_value exports);
void kernel_register(napi_env env, napi_value exports);

#endif
