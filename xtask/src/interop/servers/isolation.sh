# Lays an unpacked package over the system, in a mount namespace of its own, and runs a script there: the system itself
# keeps the mail server that it has. Arguments: the package's folder, a folder to mount on, the script, its arguments.
set -eu
package=$1 scratch=$2 script=$3
shift 3
mount -t tmpfs tmpfs "$scratch"
for folder in etc usr var; do
    mkdir -p "$scratch/$folder" "$scratch/$folder.work" "$package/$folder"
    mount -t overlay overlay "/$folder" \
        -o "lowerdir=$package/$folder:/$folder,upperdir=$scratch/$folder,workdir=$scratch/$folder.work"
done
add_user() {
    echo "$1:x:$2:$2::/nonexistent:/usr/sbin/nologin" >> /etc/passwd
    echo "$1:x:$2:" >> /etc/group
}
eval "$script"
