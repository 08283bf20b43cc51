# Which of the traps that an earlier attempt left were sprung.
notes = WORK / "sprung"
seen["sprung"] = notes.read_text().splitlines() if notes.exists() else []
seen["left"] = sorted(os.listdir(WORK))
