// Room for a halt on a disk that is full: a file beside the loader's state that is made while there is room.
//
//   KeepRoomForHalt(state_path);                                           // whenever the gate works
//   const bool delivered = MoveRoomTo(state_path, path, bytes);            // where a new file cannot be made
//
// Thread safety: writes files; no shared state.
#pragma once

#include <string>
#include <string_view>

namespace pawl::halting {

// Makes <state>.halt-room and the folder of halts where they are missing and the state's folder is this user's.
// Whatever fails is tried again the next time: it is nothing to stop for.
void KeepRoomForHalt(const std::string& state_path);

// Overwrites the file where it lies, which takes no room, flushes it and moves it to `path`, in the folder of halts.
// False where there is no such file, or the disk refuses that too; then nothing is at `path`.
bool MoveRoomTo(const std::string& state_path, const std::string& path, std::string_view bytes);

}  // namespace pawl::halting
