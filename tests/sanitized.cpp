// SPDX-License-Identifier: Apache-2.0
// Does what a sanitizer is there to see. Meson expects this program to fail where it is built with
// that sanitizer: one that is not there, or that prints what it finds and goes on, would let every
// other test pass all the same. Asked for nothing it must end well: else its failure would prove
// nothing.
#include <climits>
#include <string_view>
#include <thread>
#include <vector>

namespace {

void overflow_an_integer(int one) {
  volatile int most = INT_MAX;
  most = most + one;
}

void read_behind_a_block(int one) {
  const std::vector<char> block(16, 'x');
  const volatile char* const end = block.data() + 15;
  (void)end[one];
}

void race_for_a_word(int one) {
  volatile int word = 0;
  const auto write_often = [&] {
    for (int i = 0; i < 1000; ++i) word = word + one;
  };
  std::thread other(write_often);
  write_often();
  other.join();
}

}  // namespace

int main(int count, char** words) {
  const std::string_view what = count == 2 ? words[1] : "";
  const int one = count - 1;  // of which no compiler knows
  if (what == "undefined") overflow_an_integer(one);
  if (what == "address") read_behind_a_block(one);
  if (what == "thread") race_for_a_word(one);
  return 0;
}
