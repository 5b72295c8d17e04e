#include "control.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

namespace pawl::sandbox::helper {

bool Send(const Report& report, int descriptor) {
  Report copy = report;
  iovec bytes{&copy, sizeof copy};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof descriptor)] = {};
  if (descriptor >= 0) {
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptor);
    memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  }
  ssize_t sent;
  do {
    sent = sendmsg(kControl, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(sizeof copy);
}

bool AwaitStart() {
  char byte = 0;
  ssize_t got;
  do {
    got = recv(kControl, &byte, 1, 0);
  } while (got < 0 && errno == EINTR);
  return got == 1;
}

void Fail(const char* step, int error_number) {
  Report report{};
  report.kind = ReportKind::kFailed;
  report.error_number = error_number;
  strncpy(report.step, step, sizeof report.step - 1);
  Send(report);
  _exit(125);
}

}  // namespace pawl::sandbox::helper
