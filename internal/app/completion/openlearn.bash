# bash completion for openlearn
_openlearn() {
	local cur=${COMP_WORDS[COMP_CWORD]} line
	[ "$cur" = "=" ] && cur=
	COMPREPLY=()
	compopt +o default 2>/dev/null
	while IFS= read -r line; do
		case $line in
		:files) compopt -o default 2>/dev/null ;;
		:dirs) compopt -o dirnames 2>/dev/null ;;
		?*) COMPREPLY+=("${line%%$'\t'*}") ;;
		esac
	done < <("${COMP_WORDS[0]/#\~/$HOME}" __complete bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _openlearn openlearn
