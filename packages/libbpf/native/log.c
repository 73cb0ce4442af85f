/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/libbpf.h>

#include "addon.h"

#define LOG_LIMIT (64u << 20)

/* Every JavaScript environment runs on one thread, and a call of libbpf never leaves it. */
static __thread struct {
	char *text;
	size_t size, capacity;
} kept;

static bool reserve(size_t more)
{
	size_t capacity = kept.capacity ? kept.capacity : 4096;
	char *text;

	while (capacity < kept.size + more)
		capacity *= 2;
	if (capacity == kept.capacity)
		return true;
	text = realloc(kept.text, capacity);
	if (!text)
		return false;
	kept.text = text;
	kept.capacity = capacity;
	return true;
}

static int print(enum libbpf_print_level level, const char *format, va_list values)
{
	va_list again;
	int length;

	if (level == LIBBPF_DEBUG)
		return 0;
	/* The verifier's log comes as one message of any length. */
	va_copy(again, values);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length > (int)(LOG_LIMIT - kept.size - 1))
		length = LOG_LIMIT - kept.size - 1;
	if (length <= 0 || !reserve(length + 1))
		return 0;
	vsnprintf(kept.text + kept.size, length + 1, format, values);
	kept.size += length;
	return length;
}

void log_begin(void)
{
	free(kept.text);
	memset(&kept, 0, sizeof(kept));
}

void log_append(const char *text)
{
	size_t length = strlen(text);

	if (kept.size + length + 1 > LOG_LIMIT)
		length = LOG_LIMIT - kept.size - 1;
	if (!reserve(length + 1))
		return;
	memcpy(kept.text + kept.size, text, length);
	kept.size += length;
	kept.text[kept.size] = 0;
}

static napi_value take_log(napi_env env, napi_callback_info info)
{
	napi_value result = NULL;

	(void)info;
	napi_create_string_utf8(env, kept.text ? kept.text : "", kept.size, &result);
	log_begin();
	return result;
}

void log_register(napi_env env, napi_value exports)
{
	libbpf_set_print(print);
	export_function(env, exports, "takeLog", take_log);
}
