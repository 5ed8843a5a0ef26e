// SPDX-License-Identifier: Apache-2.0
// What nearly every source includes of others, for compilers that read it precompiled (meson.build
// says which). Nothing may lean on it: each source and header includes what it uses, which ./dev
// tidy looks for (tests/includes.py).
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
