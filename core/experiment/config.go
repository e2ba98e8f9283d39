package experiment

import "github.com/archlab/archlab/core/data/task"

// The tags of a field:
//
//	key       its name in the file
//	doc       one sentence, shown by editors through the JSON Schema
//	default   its value when absent, written as in the file; without one the zero value
//	required  "true": absence is an error
//	min, max  inclusive range of a number, or of a list's length
//	over      exclusive lower bound of a number
//	enum      allowed strings, separated by |; "tasks", "corpora" and "suites" stand for the names of all of them
//	unit      how a number may be written: "count" (8K, 1.5M), "bytes" (8MB, 64KiB), "fraction" (5% or 0.05)
//	or        a mapping that may also be written as the plain value of its field of this name

// Experiment is a whole file, as resolved.
type Experiment struct {
	Name        string   `key:"name" required:"true" doc:"Name of the experiment, and of the directory of its runs: letters, digits, dots, dashes and underscores."`
	Description string   `key:"description" doc:"What the experiment asks, for the report."`
	Data        Data     `key:"data" required:"true" doc:"What the models see."`
	Models      []Model  `key:"models" required:"true" min:"1" max:"64" doc:"The competitors."`
	Controls    []string `key:"controls" max:"2" enum:"ngram|table" doc:"Non-neural controls on the same data: an n-gram model with backoff, an exact key-value table."`
	Match       *Match   `key:"match" doc:"Turn each family's size until the models are comparable; refuse to run when they are not. Without it the models run as configured."`
	Tune        *Tune    `key:"tune" doc:"Choose each model's learning rate from a grid that is the same for all, by validation alone, before the trainings that count."`
	Train       Train    `key:"train" required:"true" doc:"How every model is trained."`
	Seeds       Seeds    `key:"seeds" doc:"Seeds of what is random. Data has its own in data.seed, so that every model sees the same batches."`
	Eval        Eval     `key:"eval" doc:"What is measured after training."`
	TTC         *TTC     `key:"ttc" doc:"Test-time compute: sampling on a task whose answers can be verified."`
	Limits      Limits   `key:"limits" doc:"What a plugin may take."`
}

// Data is a corpus or a task, and how it is cut into sequences.
type Data struct {
	Corpus     *Corpus   `key:"corpus" or:"name" doc:"Text to learn from. Exactly one of corpus, mixture and task."`
	Mixture    *Mixture  `key:"mixture" doc:"Several corpora to learn from, by weight or size. Exactly one of corpus, mixture and task."`
	Task       *Task     `key:"task" or:"name" doc:"A synthetic task to learn. Exactly one of corpus, mixture and task."`
	Filters    *Filters  `key:"filters" doc:"Which documents of the corpus or mixture are left out; those not named here do nothing. What each removed is in the report."`
	Tokenizer  Tokenizer `key:"tokenizer" or:"kind" doc:"How text becomes tokens. Tasks bring their own tokens."`
	Context    int       `key:"context" default:"256" min:"2" max:"1048576" unit:"count" doc:"T: tokens a sequence. A task brings its own."`
	Boundaries string    `key:"boundaries" default:"packed" enum:"packed|documents" doc:"packed: documents follow each other without a seam; documents: nothing crosses from one document to the next."`
	Seed       uint64    `key:"seed" default:"1" doc:"Of the order of the data, and of a task's content."`
}

// Corpus names text.
type Corpus struct {
	Name       string   `key:"name" required:"true" enum:"corpora" doc:"gosrc: the Go source under the running toolchain's GOROOT; text: files of yours; code: a source tree of yours; or a known corpus, which archlab data list describes and archlab data fetch gets."`
	Path       string   `key:"path" doc:"text: a file, directory or glob; .jsonl, .parquet, .gz and .zst are understood. code: a directory. A known corpus: its file, where it was not fetched. Relative to the experiment file."`
	Field      string   `key:"field" doc:"text: the field of a JSONL line, or the column of a Parquet file, that holds the text; default text."`
	ID         string   `key:"id" doc:"text: the field or column that names documents in messages; default: file and line or row."`
	Extensions []string `key:"extensions" max:"64" doc:"code: what is read, such as .py; default: common languages."`
	Split      string   `key:"split" default:"content" enum:"content|contiguous" doc:"How text is divided, 90 % for training and 5 % each for validation and test. content: every document by its own content; contiguous: by place, the first 90 % and so on, files whole (text and known corpora only)."`
	MaxBytes   int64    `key:"max_bytes" default:"0" min:"0" unit:"bytes" doc:"Use about this much of the corpus; 0 means all of it."`
}

// Task names a synthetic task; its own settings stand beside these keys, as the task's kind declares them.
type Task struct {
	Name     string      `key:"name" required:"true" enum:"tasks" doc:"The task; archlab task list describes them."`
	Preset   string      `key:"preset" default:"cpu" enum:"cpu|paper" doc:"paper: the publication's setting; cpu: one that two cores train in a minute or two. Settings beside it take the place of the preset's."`
	Examples int         `key:"examples" min:"1" max:"1000000000" unit:"count" doc:"Size of a fixed training set that is revisited; without it examples are fresh for ever, except with preset paper where the publication has a fixed set."`
	Settings task.Values `key:"-"` // every setting of the kind, once checked
}

// Tokenizer says how text becomes tokens.
type Tokenizer struct {
	Kind       string `key:"kind" default:"bytes" enum:"bytes|bpe|char-bpe|wordpiece|unigram|file" doc:"bytes: one token a byte. Learned from the train split: bpe (pairs of bytes merged by frequency), char-bpe (pairs of characters; bytes for rare characters), wordpiece, unigram. file: one that exists."`
	Vocab      int    `key:"vocab" min:"0" max:"1000000" unit:"count" doc:"Of a learned one: the number of token ids, those of bytes and the end of a document included."`
	Pattern    string `key:"pattern" enum:"gpt2|cl100k|o200k|llama3|qwen2" doc:"bpe, char-bpe, unigram: how text is split into words before merging; gpt2 when absent. file: of a tiktoken rank file, which does not say."`
	Path       string `key:"path" doc:"file: a tokenizer.json, a SentencePiece model, or a tiktoken rank file with its pattern. Relative to the experiment file."`
	TrainBytes int64  `key:"train_bytes" min:"1" unit:"bytes" doc:"Of a learned one: learn from about this much of the train split, chosen by hash; 10 MiB when absent."`

	Sampling *Sampling `key:"sampling" or:"alpha" doc:"unigram, file: cut the words of the training text at random, anew in each epoch (subword regularisation). Validation, test and generation are not sampled."`
	Dropout  *float64  `key:"dropout" min:"0" max:"1" doc:"bpe, char-bpe, file: cut the words of the training text leaving each merge out with this probability, anew in each epoch (BPE dropout). Validation, test and generation are not sampled. For a file, that which it asks for itself when absent; 0 for none."`
}

// Sampling is subword regularisation of a Unigram tokenizer.
type Sampling struct {
	Alpha float64 `key:"alpha" default:"0.1" min:"0" max:"100" doc:"A cut of a word is drawn with probability proportional to its own to this power; 0: all alike."`
	Best  int     `key:"best" default:"64" min:"0" max:"1024" doc:"Among the so many most probable cuts; 0: among all."`
}

// Model is one competitor.
type Model struct {
	Name      string `key:"name" doc:"In tables and directories; the family's name when absent."`
	Family    string `key:"family" required:"true" doc:"The family, as archlab plugin list names it."`
	Plugin    string `key:"plugin" doc:"Path of a plugin binary to use instead of the built-in or installed one. Relative to the experiment file."`
	Precision string `key:"precision" enum:"fp32|bf16|fp16" doc:"Instead of train.precision."`
	Config    Object `key:"config" doc:"The family's own settings; archlab plugin info FAMILY lists them."`
}

// Match says what makes models comparable.
type Match struct {
	By        string  `key:"by" required:"true" enum:"params|active_params|train_flops|state_bytes" doc:"The quantity of the model card: parameters, parameters active for one token, training FLOPs a token, bytes of decoding state; the last two at the experiment's context."`
	Target    float64 `key:"target" required:"true" over:"0" max:"1e18" unit:"count" doc:"Its value."`
	Tolerance float64 `key:"tolerance" default:"3%" over:"0" max:"0.5" unit:"fraction" doc:"The largest allowed relative distance from the target."`
}

// Train is the recipe that all models share.
type Train struct {
	Budget       Budget     `key:"budget" required:"true" doc:"What each training may spend: exactly one of tokens, flops, seconds."`
	Batch        int        `key:"batch" default:"16" min:"1" max:"1000000" unit:"count" doc:"Sequences a step."`
	MicroBatches int        `key:"micro_batches" default:"1" min:"1" max:"65536" doc:"Parts that a step is cut into, to save memory; divides batch."`
	LearningRate float64    `key:"learning_rate" over:"0" max:"10" doc:"Peak learning rate; 3e-3, for lion 3e-4, for sgd 0.3, for muon with scale spectral 0.02."`
	Schedule     Schedule   `key:"schedule" or:"kind" doc:"The learning rate over the budget."`
	Optimizer    Optimizer  `key:"optimizer" or:"name" doc:"How gradients change weights."`
	Precision    string     `key:"precision" default:"fp32" enum:"fp32|bf16|fp16" doc:"How models keep activations and their gradients; bf16 and fp16 take half of the memory for most of them. Parameters, sums and the optimizer are float32 always."`
	Recompute    string     `key:"recompute" default:"none" enum:"none|block" doc:"block: training keeps the inputs of a model's blocks alone and computes the rest again when gradients want it: less memory, more time, the same bits."`
	NotFinite    NotFinite  `key:"not_finite" doc:"What happens when loss or gradient is NaN or infinite."`
	Validate     Validate   `key:"validate" doc:"Scoring of the validation split while training."`
	Checkpoint   Checkpoint `key:"checkpoint" doc:"Weights and optimizer state kept on disk."`
}

// Tune is the grid that every model's learning rate is chosen from.
type Tune struct {
	LearningRate []float64 `key:"learning_rate" required:"true" min:"2" max:"32" doc:"The peak learning rates, in place of train.learning_rate: every model runs every one. The one with the lowest validation loss trains the model."`
	Seeds        []uint64  `key:"seeds" default:"[1001]" min:"1" max:"16" doc:"Model seeds of the trials, none of seeds.model: each rate is run with each, and judged by the mean."`
	Budget       float64   `key:"budget" default:"100%" over:"0" max:"1" unit:"fraction" doc:"Budget of a trial, as a part of train.budget."`
}

// Budget holds exactly one of its fields.
type Budget struct {
	Tokens  int64    `key:"tokens" min:"1" unit:"count" doc:"Trained tokens."`
	FLOPs   float64  `key:"flops" over:"0" max:"1e30" unit:"count" doc:"Training FLOPs, by the model's card."`
	Seconds Duration `key:"seconds" over:"0" doc:"Wall time of training steps: a number of seconds, or 90s, 5m, 1h."`
}

// Schedule is the learning rate over the budget.
type Schedule struct {
	Kind   string  `key:"kind" default:"cosine" enum:"constant|linear|cosine|wsd" doc:"constant, linear to final, cosine to final, or wsd: warm up, stay, decay."`
	Warmup float64 `key:"warmup" default:"5%" min:"0" max:"0.9" unit:"fraction" doc:"The first part of the budget, in which the rate rises linearly."`
	Decay  float64 `key:"decay" default:"20%" min:"0" max:"1" unit:"fraction" doc:"wsd: the last part of the budget, in which the rate falls linearly."`
	Final  float64 `key:"final" default:"10%" min:"0" max:"1" unit:"fraction" doc:"The rate at the end, as a part of the peak."`
}

// Optimizer names an optimizer and holds its constants; those of others are absent.
type Optimizer struct {
	Name        string   `key:"name" default:"adamw" enum:"adamw|muon|lion|sgd" doc:"adamw; muon: momentum whose direction is made orthogonal, for matrices between hidden columns, and AdamW for the rest; lion: the sign of a momentum; sgd: gradient descent with momentum."`
	Beta1       *float64 `key:"beta1" min:"0" max:"0.999999" doc:"adamw and muon's adamw: decay of the first moment; lion: weight of the momentum in the step; 0.9."`
	Beta2       *float64 `key:"beta2" min:"0" max:"0.9999999" doc:"adamw and muon's adamw: decay of the second moment, 0.95; lion: of the momentum, 0.99."`
	Epsilon     *float64 `key:"epsilon" over:"0" max:"1" doc:"adamw and muon's adamw: added to the root of the second moment; 1e-8."`
	Momentum    *float64 `key:"momentum" min:"0" max:"0.999999" doc:"muon, sgd: decay of the momentum; 0.95, for sgd 0.9."`
	Nesterov    *bool    `key:"nesterov" doc:"muon, sgd: look ahead along the momentum; true, for sgd false."`
	Scale       string   `key:"scale" enum:"match_rms|spectral" doc:"muon: how far a matrix of r rows and c columns moves, in learning rates. match_rms, the default: 0.2 sqrt(max(r,c)), elements move as far as AdamW's; spectral: sqrt(max(1,r/c))."`
	AdamWRate   *float64 `key:"adamw_rate" over:"0" max:"1000" doc:"muon: the learning rate of its adamw, as a multiple of train.learning_rate; 1, with scale spectral 0.15."`
	WeightDecay *float64 `key:"weight_decay" min:"0" max:"10" doc:"Decoupled weight decay of matrices, times the learning rate; 0.1, for lion 1, for sgd 0.001, for muon with scale spectral 0.015."`
	Clip        float64  `key:"clip" default:"1" min:"0" max:"1e9" doc:"Largest global norm of the gradient; 0 does not clip."`
}

// NotFinite is the policy for steps whose loss or gradient is not finite.
type NotFinite struct {
	Skip int `key:"skip" default:"3" min:"0" max:"1000000" doc:"Steps of a run that may be left out; one more and the run is a recorded failure."`
}

// Validate is the validation schedule.
type Validate struct {
	Every  int   `key:"every" default:"50" min:"0" unit:"count" doc:"Steps between validations; 0: only at the end."`
	Tokens int64 `key:"tokens" default:"32K" min:"1" unit:"count" doc:"Tokens scored each time, always the same ones."`
}

// Checkpoint is the checkpoint policy. One is always taken at the end and when stopped.
type Checkpoint struct {
	Every int `key:"every" default:"100" min:"0" unit:"count" doc:"Steps between checkpoints; 0: only at the end and when stopped."`
	Keep  int `key:"keep" default:"2" min:"1" max:"1000000" doc:"The newest ones that are kept. Two survive damage to one."`
}

// Seeds separates what is random.
type Seeds struct {
	Model       []uint64 `key:"model" default:"[1]" min:"1" max:"64" doc:"One training a model and seed, of the weights' initialisation."`
	Independent bool     `key:"independent" doc:"Give each model weights of its own draw, made of the seed and the model's name. Else models of one family and config are alike to the bit, and any difference between them is none."`
}

// Eval says what is measured on a trained model.
type Eval struct {
	Tokens    int64   `key:"tokens" default:"64K" min:"1" unit:"count" doc:"Tokens of each split that are scored."`
	Positions bool    `key:"positions" default:"true" doc:"Loss by position in the context."`
	Decode    []int   `key:"decode" default:"[64, 256, 1024]" max:"32" unit:"count" doc:"Context lengths at which decoding is timed and its state measured."`
	Lengths   []int   `key:"lengths" max:"32" unit:"count" doc:"Tasks: values of the setting that measures length (length, digits, operations: archlab task list names it) at which the trained model is tested too, e.g. beyond that of training."`
	Examples  int     `key:"examples" default:"256" min:"1" max:"1000000" unit:"count" doc:"Test sequences at each of lengths."`
	Suites    []Suite `key:"suites" or:"name" max:"32" doc:"Suites of archlab eval, measured on the newest checkpoints once all models are trained. Results are in the run's evals directory, their verdicts in the report."`
}

// TTC is a test-time compute study.
type TTC struct {
	Task        string   `key:"task" default:"addition" enum:"addition" doc:"A task with an exact verifier. data.task must be the same task, so that the models learn it."`
	Strategies  []string `key:"strategies" default:"[greedy, majority, best_of_n]" min:"1" max:"3" enum:"greedy|majority|best_of_n" doc:"How samples become one answer."`
	Samples     []int    `key:"samples" default:"[1, 2, 4, 8]" min:"1" max:"32" doc:"Numbers of samples a problem."`
	Temperature float64  `key:"temperature" default:"0.8" over:"0" max:"10" doc:"Of sampling."`
	Problems    int      `key:"problems" default:"64" min:"1" max:"1000000" unit:"count" doc:"Test problems."`
	Seed        uint64   `key:"seed" default:"1" doc:"Of sampling."`
}

// Limits bounds what a plugin may take.
type Limits struct {
	Call    Duration `key:"call" default:"5m" min:"0.001" doc:"Deadline of one plugin call."`
	Threads int      `key:"threads" default:"0" min:"0" max:"4096" doc:"Threads of a plugin; 0: all cores. Results do not depend on it."`
}
