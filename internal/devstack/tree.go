package devstack

// below walks the tree of processes, parents first.
func below(pid int, children map[int][]int) []int {
	var found []int
	for _, child := range children[pid] {
		found = append(found, child)
		found = append(found, below(child, children)...)
	}
	return found
}
