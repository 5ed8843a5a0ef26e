// SPDX-License-Identifier: Apache-2.0
// Which sanitizers this build has: ORRERY_ASAN, ORRERY_TSAN and ORRERY_UBSAN are 1 or 0, for #if.
// Compilers say it in different ways, and g++ does not say whether it has UBSan. An #if without
// this header is a warning (-Wundef); an #ifdef asks nothing.
#pragma once

#ifdef __has_feature
#define ORRERY_HAS_FEATURE(name) __has_feature(name)
#else
#define ORRERY_HAS_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || ORRERY_HAS_FEATURE(address_sanitizer)
#define ORRERY_ASAN 1
#else
#define ORRERY_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__) || ORRERY_HAS_FEATURE(thread_sanitizer)
#define ORRERY_TSAN 1
#else
#define ORRERY_TSAN 0
#endif

#if ORRERY_HAS_FEATURE(undefined_behavior_sanitizer)
#define ORRERY_UBSAN 1
#else
#define ORRERY_UBSAN 0
#endif

#undef ORRERY_HAS_FEATURE
