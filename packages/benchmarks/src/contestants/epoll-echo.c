/* The floor: what the kernel alone costs. One thread, level-triggered epoll, no buffers of its own. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 256
#define BACKLOG 1024

static char buffer[65536];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void watch(int epoll, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  /* A closed or regular standard input cannot be watched, and then never ends. */
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 && fd != STDIN_FILENO) fail("epoll_ctl");
}

static int listen_locally(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) < 0) fail("bind");
  if (listen(listener, BACKLOG) < 0) fail("listen");
  if (getsockname(listener, (struct sockaddr *)&address, &length) < 0) fail("getsockname");
  printf("listening %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return listener;
}

static void echo(int fd) {
  ssize_t count = read(fd, buffer, sizeof buffer);
  for (ssize_t sent = 0; count > 0 && sent < count;) {
    ssize_t written = send(fd, buffer + sent, count - sent, MSG_NOSIGNAL);
    if (written < 0) count = -1;
    else sent += written;
  }
  if (count <= 0) close(fd);
}

int main(void) {
  int listener = listen_locally();
  int epoll = epoll_create1(0);
  if (epoll < 0) fail("epoll_create1");
  watch(epoll, listener);
  watch(epoll, STDIN_FILENO);
  struct epoll_event events[EVENTS];
  for (;;) {
    int ready = epoll_wait(epoll, events, EVENTS, -1);
    for (int index = 0; index < ready; index++) {
      int fd = events[index].data.fd;
      if (fd == STDIN_FILENO) return 0;
      if (fd != listener) echo(fd);
      else if ((fd = accept(listener, NULL, NULL)) >= 0) watch(epoll, fd);
    }
  }
}
