# What still runs of the attempt before.
alive = WORK / "alive"
before = alive.stat().st_size
time.sleep(1.5)
seen["grew"] = alive.stat().st_size - before
mine = {str(os.getpid()), "self", "thread-self"}
seen["processes"] = sorted(
    Path(f"/proc/{name}/comm").read_text().strip()
    for name in os.listdir("/proc")
    if name.isdigit() and name not in mine
)
seen["red"] = Path("red").exists()
