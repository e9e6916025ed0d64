### Vietnamese.

## On every page.
skip = Chuyển đến nội dung
nav = Các trang
nav-door = Cửa
nav-live = Hình trực tiếp
nav-account = Tài khoản
sign-out = Đăng xuất
cancel = Hủy
save = Lưu
duration-minutes = { $number } phút
duration-hours = { $number } giờ
duration-days = { $number } ngày

## Signing in.
sign-in-title = Đăng nhập
sign-in = Đăng nhập
sign-in-name = Tên
sign-in-password = Mật khẩu
sign-in-wrong = Tên hoặc mật khẩu không đúng.
sign-in-pair = Tôi có mã dùng một lần
done-signed-out = Bạn đã đăng xuất.
done-signed-out-everywhere = Tất cả trình duyệt đã đăng xuất.

## Pairing a browser by a one-time code.
pair-title = Ghép nối trình duyệt này
pair-how = Quản trị viên lấy mã trên bo mạch bằng lệnh:
pair-code = Mã dùng một lần
pair = Ghép nối
pair-sign-in = Tôi đã có tài khoản
pair-wrong-code = Mã này không hợp lệ: gõ sai, đã được dùng hoặc đã hết hạn. Hãy xin mã khác.
done-paired = Chào mừng, { $name }. Từ nay hãy đăng nhập bằng tên này và mật khẩu của bạn.

## Passwords.
password-new = Mật khẩu mới
password-again = Nhập lại mật khẩu mới
password-current = Mật khẩu hiện tại
password-hint = Ít nhất { $number } ký tự.
password-too-short = Mật khẩu cần ít nhất { $number } ký tự.
password-too-long = Mật khẩu quá dài.
password-too-easy = Mật khẩu quá dễ đoán.
password-differs = Hai mật khẩu không giống nhau.
password-wrong = Mật khẩu hiện tại không đúng.

## The door.
door-title = Cửa
mode-normal = Bình thường: người đã đăng ký được vào
mode-held-open = Giữ mở thêm { $number } phút
mode-locked-down = Khóa: khuôn mặt không mở được cửa
mode-fault = Bị khóa do lỗi cho đến khi khởi động lại
state-no-relay = Chưa cấu hình rơ-le: không gì mở được.
state-no-camera = Máy ảnh không cho hình.
state-contact = Cảm biến cửa
state-open = mở
state-closed = đóng
state-unknown = không rõ
state-exit = Nút ra
state-pressed = đang nhấn
state-not-pressed = không nhấn
state-people = Người đã đăng ký
state-liveness = Kiểm tra ảnh giả
state-model = Mô hình
state-version = Phiên bản
state-uptime = Đã chạy
door-control = Mở và khóa
door-open = Mở cửa
door-hold-for = Giữ mở trong
door-hold = Giữ mở
door-normal = Trở lại bình thường
door-lockdown = Khóa lại
door-lockdown-hint = Khi khóa, không khuôn mặt nào mở được cửa. Nút ra vẫn mở được.
open-title = Mở cửa?
open-question = Cửa “{ $name }” mở một lần, cho bất kỳ ai đứng trước.
done-opened = Đã mở cửa.
done-held = Cửa đang được giữ mở.
done-locked-down = Cửa đã bị khóa.
done-normal = Cửa hoạt động bình thường.

## The live picture. What a person before the camera should do.
live-title = Hình trực tiếp
live-picture = Hình từ máy ảnh của cửa
live-waiting = Đang chờ hình …
live-lost = Mất kết nối. Đang thử lại.
live-nobody = Không có ai trong hình.
live-failed = Cửa không cho hình.
live-unknown = người lạ
advice-too-small = lại gần hơn
advice-too-dark = quá tối: thêm ánh sáng vào mặt
advice-too-bright = quá sáng: tránh ánh sáng vào máy ảnh
advice-blurred = mờ: đứng yên
advice-turned-away = nhìn thẳng vào máy ảnh
advice-tilted = giữ đầu thẳng
advice-eyes-covered = mắt bị che: bỏ kính đen ra
advice-mouth-covered = miệng bị che: bỏ khẩu trang ra
advice-cut-off = mép hình cắt mất mặt: bước vào trong hình
advice-not-upright = đầu bị ngược, nằm ngang hoặc bị che gần hết

## The account.
account-title = Tài khoản
account-name = Tên
account-role = Vai trò
role-viewer = người xem: được xem
role-operator = người vận hành: được mở và khóa
role-admin = quản trị viên: được làm mọi việc
account-language = Ngôn ngữ
account-language-browser = Theo trình duyệt
account-password = Mật khẩu
account-change-password = Đổi mật khẩu
account-sessions = Trình duyệt đang đăng nhập
account-session-began = Đăng nhập
account-session-used = lần dùng cuối
account-sign-out-everywhere = Đăng xuất ở mọi nơi
done-language = Đã lưu ngôn ngữ.
done-password = Đã đổi mật khẩu. Các trình duyệt khác đã đăng xuất.

## Errors.
error-title = Không thực hiện được
error-back = Về trang đầu
error-not-signed-in = Bạn chưa đăng nhập.
error-account-ended = Tài khoản này không còn hiệu lực. Hãy xin quản trị viên mã mới.
error-not-allowed = Vai trò của bạn không cho phép việc này.
error-refused = Cửa từ chối. Cửa báo:
error-door-silent = Cửa không trả lời. Có thể đang khởi động lại; hãy thử lại sau một phút.
error-not-found = Không có trang này.
error-other-site = Yêu cầu đến từ trang khác và bị từ chối. Hãy mở trang của bảng điều khiển và thử lại.
error-bad-request = Biểu mẫu chưa đầy đủ. Hãy quay lại và thử lại.
error-too-large = Dữ liệu gửi lên quá lớn.
error-too-many = Thử quá nhiều lần. Hãy đợi một phút rồi thử lại.
error-busy = Bảng điều khiển đang bận. Hãy thử lại sau giây lát.
error-internal = Bảng điều khiển gặp lỗi. Nhật ký có chi tiết.
