SELECT voice._close_streaming_turn($1, $2, $3, $4, $5, $6, $7, $8)
