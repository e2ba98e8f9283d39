package main

import (
	"slices"

	"github.com/archlab/archlab/core/stats"
	"github.com/archlab/archlab/core/stats/statstest"
)

type world struct {
	name string
	statstest.World
}

// worlds are what Compare is judged on: where chance comes from, alone and together.
var worlds = []world{
	{"3 seeds differ", statstest.World{Seeds: 3, Items: 40, SeedSD: 0.02, ItemSD: 0.0001}},
	{"3 seeds differ, and alike for all models", statstest.World{Seeds: 3, Items: 40, Block: 0.1, SeedSD: 0.02, ItemSD: 0.0001}},
	{"60 items differ", statstest.World{Seeds: 3, Items: 60, SeedSD: 0.0001, ItemSD: 0.1}},
	{"160 items in clusters of 4 differ", statstest.World{Seeds: 3, Items: 160, SeedSD: 0.0001, ItemSD: 0.1, Cluster: 4}},
	{"60 items in 6 clusters differ", statstest.World{Seeds: 3, Items: 60, SeedSD: 0.0001, ItemSD: 0.1, Cluster: 10}},
	{"2 seeds and 60 items differ", statstest.World{Seeds: 2, Items: 60, SeedSD: 0.01, ItemSD: 0.05}},
	{"2 seeds and 60 items differ, two models", statstest.World{Scores: []float64{1, 1}, Seeds: 2, Items: 60, SeedSD: 0.02, ItemSD: 0.05}},
	{"3 seeds and 60 items differ, two models", statstest.World{Scores: []float64{1, 1}, Seeds: 3, Items: 60, SeedSD: 0.02, ItemSD: 0.05}},
	{"3 seeds differ, one of the models is a control", statstest.World{Seeds: 3, Items: 60, Block: 0.02, SeedSD: 0.01, ItemSD: 0.02, Control: true}},
	{"3 seeds differ on one text", statstest.World{Seeds: 3, Items: 40, SeedSD: 0.02, Cluster: 40}},
	{"5 seeds and 200 items differ", statstest.World{Seeds: 5, Items: 200, SeedSD: 0.01, ItemSD: 0.1}},
}

// uneven are worlds in which models' seeds do not scatter alike, or jump: a training solves its task or does not.
var uneven = []world{
	{"2 seeds differ, 10 times as much for one of four models", statstest.World{Seeds: 2, Items: 40, SeedSD: 0.005, Unstable: 10}},
	{"3 seeds differ, 5 times as much for one of four models", statstest.World{Seeds: 3, Items: 40, SeedSD: 0.005, Unstable: 5}},
	{"3 seeds differ, 10 times as much for one of four models", statstest.World{Seeds: 3, Items: 40, SeedSD: 0.005, Unstable: 10}},
	{"5 seeds differ, 5 times as much for one of four models", statstest.World{Seeds: 5, Items: 40, SeedSD: 0.005, Unstable: 5}},
	{"2 seeds differ, 10 times as much for one of eight models", statstest.World{Scores: slices.Repeat([]float64{1}, 8), Seeds: 2, Items: 40, SeedSD: 0.005, Unstable: 10}},
	{"3 seeds differ, 5 times as much for one of eight models", statstest.World{Scores: slices.Repeat([]float64{1}, 8), Seeds: 3, Items: 40, SeedSD: 0.005, Unstable: 5}},
	{"2 seeds that solve or fail, two models", statstest.World{Scores: []float64{1, 1}, Seeds: 2, Items: 40, SeedSD: 0.005, Camps: 0.5}},
	{"3 seeds that solve or fail, two models", statstest.World{Scores: []float64{1, 1}, Seeds: 3, Items: 40, SeedSD: 0.005, Camps: 0.5}},
	{"5 seeds that solve or fail, two models", statstest.World{Scores: []float64{1, 1}, Seeds: 5, Items: 40, SeedSD: 0.005, Camps: 0.5}},
	{"2 seeds that solve or fail, four models", statstest.World{Seeds: 2, Items: 40, SeedSD: 0.005, Camps: 0.5}},
	{"3 seeds that solve or fail, four models", statstest.World{Seeds: 3, Items: 40, SeedSD: 0.005, Camps: 0.5}},
	{"5 seeds that solve or fail, four models", statstest.World{Seeds: 5, Items: 40, SeedSD: 0.005, Camps: 0.5}},
}

// drawn is a world with what is drawn again or exchanged in it.
type drawn struct {
	world
	over  stats.Unit
	units string
}

// resampled are worlds in which chance is of one kind, with fewer and more units of it.
var resampled = []drawn{
	{world{"8 seeds differ", statstest.World{Seeds: 8, Items: 5, SeedSD: 0.1}}, stats.Seeds, "seeds"},
	{world{"40 seeds differ", statstest.World{Seeds: 40, Items: 5, SeedSD: 0.1}}, stats.Seeds, "seeds"},
	{world{"40 items differ", statstest.World{Seeds: 2, Items: 40, ItemSD: 0.1}}, stats.Items, "items"},
	{world{"200 items differ", statstest.World{Seeds: 2, Items: 200, ItemSD: 0.1}}, stats.Items, "items"},
	{world{"160 items in clusters of 4 differ", statstest.World{Seeds: 2, Items: 160, ItemSD: 0.1, Cluster: 4}}, stats.Items, "items"},
	{world{"60 items in 6 clusters differ", statstest.World{Seeds: 2, Items: 60, ItemSD: 0.1, Cluster: 10}}, stats.Items, "items"},
	{world{"8 seeds and 60 items differ", statstest.World{Seeds: 8, Items: 60, SeedSD: 0.03, ItemSD: 0.1}}, stats.Items | stats.Seeds, "items and seeds"},
	{world{"20 seeds and 200 items differ", statstest.World{Seeds: 20, Items: 200, SeedSD: 0.03, ItemSD: 0.1}}, stats.Items | stats.Seeds, "items and seeds"},
}
