UPDATE voice._state SET epoch = epoch + 1 RETURNING epoch
