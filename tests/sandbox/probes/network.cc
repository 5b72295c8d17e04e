#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_alg.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>

#include "probe.h"

namespace probes {
namespace {

sockaddr_in Loopback(const std::string& port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int Tcp(const Arguments& arguments) {
  const sockaddr_in address = Loopback(arguments.at(0));
  const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  return Judge(descriptor >= 0 &&
               connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
}

int Udp(const Arguments& arguments) {
  const sockaddr_in address = Loopback(arguments.at(0));
  const int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
  return Judge(descriptor >= 0 &&
               sendto(descriptor, "?", 1, 0, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 1);
}

// A name that starts with '@' is abstract.
int UnixSocket(const Arguments& arguments) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& name = arguments.at(0);
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  const int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
  return Judge(descriptor >= 0 && connect(descriptor, reinterpret_cast<const sockaddr*>(&address), size) == 0);
}

int Family(const Arguments& arguments) {
  const std::string& name = arguments.at(0);
  if (name == "vsock") return Judge(socket(AF_VSOCK, SOCK_STREAM, 0) >= 0);
  if (name == "netlink") return Judge(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) >= 0);
  if (name == "packet") return Judge(socket(AF_PACKET, SOCK_RAW, 0) >= 0);
  if (name == "raw") return Judge(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0);
  if (name == "inet6") return Judge(socket(AF_INET6, SOCK_STREAM, 0) >= 0);
  if (name == "alg") return Judge(socket(AF_ALG, SOCK_SEQPACKET, 0) >= 0);
  return kUsage;
}

int SharedMemory(const Arguments& arguments) {
  return Judge(shmget(static_cast<key_t>(std::stol(arguments.at(0))), 0, 0) >= 0);
}

int MessageQueue(const Arguments& arguments) {
  return Judge(mq_open(arguments.at(0).c_str(), O_RDONLY) != static_cast<mqd_t>(-1));
}

}  // namespace

std::vector<Probe> NetworkProbes() {
  return {{"tcp", Tcp},       {"udp", Udp},          {"unix", UnixSocket},
          {"family", Family}, {"shm", SharedMemory}, {"mqueue", MessageQueue}};
}

}  // namespace probes
