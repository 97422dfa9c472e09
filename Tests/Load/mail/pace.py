"""Asks a path 200 times a second over 4 kept connections, whether or not the last answer is there, and prints the 99th
percentile of the milliseconds from the instant a request was due until its answer was whole."""
import http.client
import sys
import threading
import time

port, token, path, seconds = int(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])
connections, rate = 4, 200
times = []


def run(number):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    begin = time.monotonic() + number / rate
    for turn in range(int(seconds * rate / connections)):
        due = begin + turn * connections / rate
        time.sleep(max(0, due - time.monotonic()))
        connection.request("GET", path, headers={"Authorization": "Bearer " + token})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        times.append((time.monotonic() - due) * 1000)


threads = [threading.Thread(target=run, args=(number,)) for number in range(connections)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
times.sort()
print(round(times[int(len(times) * 0.99)], 2))
