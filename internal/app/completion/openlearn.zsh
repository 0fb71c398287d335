#compdef openlearn
_openlearn() {
	local line name
	local -a found
	found=("${(@f)$("${(Q)words[1]/#\~/$HOME}" __complete zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
	[[ ${words[CURRENT]} == -*=* ]] && compset -P '*='
	local -a list
	for line in $found; do
		case $line in
		:files) _files ;;
		:dirs) _files -/ ;;
		*$'\t'*)
			name=${line%%$'\t'*}
			list+=("${name//:/\\:}:${line#*$'\t'}")
			;;
		?*) list+=("${line//:/\\:}") ;;
		esac
	done
	(( $#list )) && _describe -t openlearn openlearn list
}
compdef _openlearn openlearn
