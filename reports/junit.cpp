// SPDX-License-Identifier: Apache-2.0
#include "reports/junit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace orrery::reports {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

std::string case_xml(const JunitSuite& suite, const JunitCase& one);
const char* element_of(JunitOutcome outcome);
size_t count_of(const JunitSuite& suite, JunitOutcome outcome);
size_t valid_length(std::string_view text);
const char* entity_of(char c, bool attribute);

}  // namespace

std::string junit_xml(const JunitSuite& suite) {
  std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
  xml += fmt::format(
      "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" "
      "time=\"{:.3f}\">\n    <properties>\n",
      xml_escaped(suite.name, true), suite.cases.size(), count_of(suite, JunitOutcome::failed),
      count_of(suite, JunitOutcome::error), count_of(suite, JunitOutcome::skipped), suite.seconds);
  for (const auto& [name, value] : suite.properties) {
    xml += fmt::format("      <property name=\"{}\" value=\"{}\"/>\n", xml_escaped(name, true),
                       xml_escaped(value, true));
  }
  xml += "    </properties>\n";
  for (const JunitCase& one : suite.cases) xml += case_xml(suite, one);
  return xml + "  </testsuite>\n</testsuites>\n";
}

std::string xml_escaped(std::string_view text, bool attribute) {
  std::string escaped;
  while (!text.empty()) {
    const size_t length = valid_length(text);
    if (length == 0) {
      escaped += kReplacement;
      text.remove_prefix(1);
      continue;
    }
    const char* const entity = length == 1 ? entity_of(text.front(), attribute) : nullptr;
    if (entity != nullptr) {
      escaped += entity;
    } else {
      escaped += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return escaped;
}

namespace {

std::string case_xml(const JunitSuite& suite, const JunitCase& one) {
  const double share = suite.seconds / static_cast<double>(suite.cases.size());
  std::string xml = fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\"",
                                xml_escaped(suite.name, true), xml_escaped(one.name, true), share);
  if (one.outcome == JunitOutcome::passed) return xml + "/>\n";
  const char* const element = element_of(one.outcome);
  xml += fmt::format(">\n      <{} message=\"{}\"", element, xml_escaped(one.message, true));
  if (one.outcome == JunitOutcome::skipped) {
    xml += "/>\n";
  } else {
    xml += fmt::format(" type=\"{}\">{}</{}>\n", xml_escaped(one.name, true),
                       xml_escaped(one.text, false), element);
  }
  if (!one.attachment.empty()) {
    xml += fmt::format("      <system-out>[[ATTACHMENT|{}]]</system-out>\n",
                       xml_escaped(one.attachment, false));
  }
  return xml + "    </testcase>\n";
}

const char* element_of(JunitOutcome outcome) {
  switch (outcome) {
    case JunitOutcome::skipped: return "skipped";
    case JunitOutcome::error: return "error";
    case JunitOutcome::passed:
    case JunitOutcome::failed: break;
  }
  return "failure";
}

size_t count_of(const JunitSuite& suite, JunitOutcome outcome) {
  return static_cast<size_t>(
      std::count_if(suite.cases.begin(), suite.cases.end(),
                    [outcome](const JunitCase& one) { return one.outcome == outcome; }));
}

// The number of bytes of the character that `text` begins with; 0 if XML 1.0 has no such character
// or UTF-8 no such bytes.
size_t valid_length(std::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) {
    return first >= 0x20 || first == '\t' || first == '\n' || first == '\r' ? 1 : 0;
  }
  size_t length = 0;
  uint32_t least = 0;
  uint32_t code = 0;
  if ((first & 0xE0U) == 0xC0) length = 2, least = 0x80, code = first & 0x1FU;
  if ((first & 0xF0U) == 0xE0) length = 3, least = 0x800, code = first & 0x0FU;
  if ((first & 0xF8U) == 0xF0) length = 4, least = 0x10000, code = first & 0x07U;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
    code = (code << 6) | (byte(i) & 0x3FU);
  }
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  const bool forbidden = surrogate || code == 0xFFFE || code == 0xFFFF || code > 0x10FFFF;
  return code < least || forbidden ? 0 : length;
}

const char* entity_of(char c, bool attribute) {
  switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";  // also for the sake of "]]>"
    case '"': return attribute ? "&quot;" : nullptr;
    case '\r': return "&#13;";
    case '\n': return attribute ? "&#10;" : nullptr;
    case '\t': return attribute ? "&#9;" : nullptr;
    default: return nullptr;
  }
}

}  // namespace
}  // namespace orrery::reports
