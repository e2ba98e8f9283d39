package nn

// Threads is threads, for tests.
var Threads = threads
