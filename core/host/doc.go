// Package host finds, pins, launches, watches and stops plugin processes. What a process serves is a family.Family, reached
// through core/wire; the package knows nothing of models, data or training.
//
//	h := host.New(host.Options{Builtins: []string{"transformer"}})
//	defer h.Close()
//	p, err := h.Launch(ctx, "transformer")
//	d, err := p.Family().Describe(ctx)
//
// A call to a plugin that dies answers a *DeathError with the exit status, the panic and the last lines that the process
// wrote; a call that outlasts its deadline answers a *HungError. Nothing is retried. A plugin that can't be started answers
// an *Error that says which of the known ways to fail it was. All of them carry a *family.Error and a Hint.
package host
