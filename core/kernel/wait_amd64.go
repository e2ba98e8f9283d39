package kernel

// pause tells the core that this is a loop that waits: some hundred cycles go by.
func pause()
