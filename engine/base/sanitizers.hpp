// SPDX-License-Identifier: Apache-2.0
// Whether this is a build with AddressSanitizer (ORRERY_ASAN) or ThreadSanitizer (ORRERY_TSAN):
// compilers say it in different ways.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define ORRERY_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define ORRERY_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ORRERY_ASAN 1
#elif __has_feature(thread_sanitizer)
#define ORRERY_TSAN 1
#endif
#endif
