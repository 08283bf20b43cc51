# A fork bomb, and processes that want to outlive their agent, each in another way.
import signal

pids = []
try:
    while len(pids) < 5000:
        pid = os.fork()
        if pid == 0:
            time.sleep(600)
            os._exit(0)
        pids.append(pid)
    seen["forks"] = "no limit"
except OSError as error:
    seen["forks"] = type(error).__name__
seen["children"] = len(pids)
for pid in pids:
    os.kill(pid, signal.SIGKILL)
for pid in pids:
    os.waitpid(pid, 0)

stay = f"""
trap '' HUP INT TERM
while :; do
    date >>{WORK}/alive
    echo red >red
    ticket comment {TICKET} 'I am still here'
    sleep 0.2
done
"""
for start in [["sh", "-c"], ["nohup", "sh", "-c"], ["setsid", "sh", "-c"], ["setsid", "setsid", "nohup", "sh", "-c"]]:
    subprocess.Popen([*start, stay], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
# One whose parent is gone at once, in a session of its own, without a name and without a folder.
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.chdir("/")
        os.execvp("sh", [" ", "-c", stay])
    os._exit(0)
seen["alive"] = wait_for(lambda: (WORK / "alive").exists())
wait_for(lambda: comments(TICKET).count("still here") >= 5)
Path("red").unlink(missing_ok=True)
