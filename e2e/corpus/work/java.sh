#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Java: a program is compiled, packed as a jar, and works with files, sockets, threads and other programs.
# image: debian
set -euo pipefail

java -version 2>&1 | grep -c OpenJDK
mkdir -p /volume/java && cd /volume/java
cat > Work.java <<'J'
import java.io.*;
import java.net.*;
import java.nio.*;
import java.nio.channels.FileChannel;
import java.nio.file.*;
import java.util.stream.*;

public class Work {
  public static void main(String[] arguments) throws Exception {
    Path file = Files.createTempFile("work", ".txt");
    Files.writeString(file, "x".repeat(100_000));
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      MappedByteBuffer map = channel.map(FileChannel.MapMode.READ_WRITE, 0, 100_000);
      map.put(0, (byte) 'y');
    }
    System.out.println(Files.readString(file).charAt(0));
    try (ServerSocket server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      Thread client = new Thread(() -> {
        try (Socket socket = new Socket(server.getInetAddress(), server.getLocalPort())) {
          socket.getOutputStream().write("over a socket\n".getBytes());
        } catch (IOException error) {
          throw new UncheckedIOException(error);
        }
      });
      client.start();
      try (Socket socket = server.accept()) {
        System.out.println(new BufferedReader(new InputStreamReader(socket.getInputStream())).readLine());
      }
      client.join();
    }
    long sum = 0;
    for (int round = 0; round < 200; round++)
      sum += IntStream.range(0, 10_000).map(i -> i % 7).sum(); // long enough for the compiler
    System.out.println(sum);
    Process shell = new ProcessBuilder("/bin/sh", "-c", "echo from a shell; cat").start();
    try (OutputStream input = shell.getOutputStream()) { input.write("given\n".getBytes()); }
    System.out.print(new String(shell.getInputStream().readAllBytes()));
    System.out.println(shell.waitFor());
  }
}
J
javac Work.java
printf 'Main-Class: Work\n' > manifest
jar cfm work.jar manifest Work.class
java -jar work.jar
